"""One public CA and this cell's account there."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from josepy import jwk

from picdns_core import pem
from picdns_core.clock import Clock
from picdns_core.errors import ConfigError, StoreError
from picdns_core.issuing.budget import Budget
from picdns_core.issuing.problems import translated
from picdns_core.issuing.renewal_info import RenewalInfo, parse
from picdns_core.issuing.revocation import revoke
from picdns_core.issuing.wire import Client, Network, renewal_info_url
from picdns_core.secret import Secret
from picdns_core.settings import AcmeSettings
from picdns_core.store import Document, Store, load, save

_FRESH = timedelta(hours=1)  # how long a directory and idle connections are used again


class Account(Document, frozen=True, kw_only=True):
    """Where the account is at the CA, and what the CA was told about it."""

    directory: str
    url: str
    email: str | None = None


class Authority:
    """The CA that `picdns.acme` names; used by many threads, each with a client of its own.

    The account is made at the first use, found again when its URL was lost, and made anew with
    the same key when the CA has forgotten it.
    """

    def __init__(self, store: Store, settings: AcmeSettings, eab_key: Secret | None) -> None:
        self.settings = settings
        self._store = store
        self._eab_key = eab_key
        place = re.sub(r"[^a-z0-9.]+", "-", settings.directory.lower().removeprefix("https://"))
        self._folder = f"accounts/{place.strip('-.')}"
        self._guard = threading.Lock()
        self._counting = threading.Lock()
        self._idle: list[Client] = []
        self._spare: list[Network] = []
        self._directory: messages.Directory | None = None
        self._connected: datetime | None = None
        self._clock_offset: float | None = None

    def is_for(self, settings: AcmeSettings, eab_key: Secret | None) -> bool:
        """Say whether this is the CA, and the account there, that the config now means."""
        return (self.settings, self._eab_key) == (settings, eab_key)

    def budget(self, clock: Clock) -> Budget:
        """Return what keeps this cell below the limits of the CA."""
        return Budget(self._store, self._folder, clock, self._counting)

    @contextmanager
    def client(self, clock: Clock) -> Iterator[Client]:
        """Lend a client that is signed in; all errors of the CA come out as ours."""
        client = self._take(clock) or self._connect(clock)
        with translated(client.net, self.settings.directory):
            yield client
        with self._guard:
            self._idle.append(client)

    def renewal_info(self, certificate_id: str, clock: Clock) -> RenewalInfo | None:
        """Ask when a certificate should be renewed (RFC 9773); None where the CA does not say.

        No account is needed, and none is made. ProviderUnavailable, or RateLimited, when there is
        no good answer: whatever the reason, a time that was chosen before stays, and the CA is
        asked again in six hours (section 4.3.3).
        """
        with self._unsigned(clock) as network:
            url = renewal_info_url(self._known(network))
            if url is None:
                return None
            body = network.read(f"{url.rstrip('/')}/{certificate_id}")
            return parse(body, network.retry_after, clock.now())

    def clock_offset(self, clock: Clock) -> float | None:
        """Ask anew how many seconds the clock is ahead of the CA's; None where it does not say.

        ProviderUnavailable when the CA cannot be asked.
        """
        with self._unsigned(clock) as network:
            network.clock_offset = None
            with self._guard:
                self._read_directory(network)
            return network.clock_offset

    def revoke(self, fullchain_pem: bytes, reason: int, clock: Clock) -> None:
        """Have the CA revoke a certificate of this account; `reason` is one of `REASONS`.

        One that is revoked already is fine.
        """
        with self.client(clock) as client:
            revoke(client, fullchain_pem, reason, self.renew_account)

    def renew_account(self, client: Client) -> None:
        """Register again with the same key: the CA has forgotten the account."""
        with self._guard:
            known = load(self._store, self._document, Account)
            if known and client.net.account and known.url == client.net.account.uri:
                self._store.delete(self._document)
        self._sign_in(client)

    def _take(self, clock: Clock) -> Client | None:
        """Take a client that is idle; none when the last answer is of long ago, or of the future.

        Where the host's clock was set, the CA is asked anew, and its own clock is heard.
        """
        with self._guard:
            now = clock.now()
            if self._connected is None or not self._connected <= now <= self._connected + _FRESH:
                self._idle.clear()
                self._spare.clear()
                self._directory = None
            if not self._idle:
                return None
            client = self._idle.pop()
        client.net.clock = clock
        return client

    def _connect(self, clock: Clock) -> Client:
        with self._guard:
            key = jwk.JWKEC(key=self._key())
        network = self._network(clock)
        network.key = key
        with translated(network, self.settings.directory):
            client = Client(self._known(network), network)
            self._sign_in(client)
        return client

    @contextmanager
    def _unsigned(self, clock: Clock) -> Iterator[Network]:
        """Lend a connection for what needs no account, the one of a client where one is idle."""
        client = self._take(clock)
        network = client.net if client else self._network(clock)
        with translated(network, self.settings.directory):
            yield network
        with self._guard:
            if client:
                self._idle.append(client)
            else:
                self._spare.append(network)

    def _network(self, clock: Clock) -> Network:
        with self._guard:
            network = self._spare.pop() if self._spare else None
        if network is None:
            return Network(self.settings.ca_bundle, clock)
        network.clock = clock
        return network

    def _known(self, network: Network) -> messages.Directory:
        """Return the directory; who has not asked for it is told what it said of our clock."""
        with self._guard:
            directory = self._directory or self._read_directory(network)
            if network.clock_offset is None:
                network.clock_offset = self._clock_offset
            return directory

    def _read_directory(self, network: Network) -> messages.Directory:
        answer = network.get(self.settings.directory)
        self._directory = messages.Directory.from_json(answer.json())
        self._connected = network.clock.now()
        self._clock_offset = network.clock_offset
        return self._directory

    def _sign_in(self, client: Client) -> None:
        with self._guard:
            account = load(self._store, self._document, Account)
            if account is None:
                account = self._register(client)
            elif account.email != self.settings.email:
                account = self._update_contact(client, account)
        client.net.account = _resource(account)

    def _register(self, client: Client) -> Account:
        client.net.account = None  # else the request would be signed for the account that is gone
        try:
            url = client.new_account(
                messages.NewRegistration.from_data(
                    email=self.settings.email,
                    terms_of_service_agreed=True,
                    external_account_binding=self._binding(client),
                )
            ).uri
        except errors.ConflictError as known:
            url = known.location
        return self._keep(url)

    def _update_contact(self, client: Client, account: Account) -> Account:
        client.net.account = _resource(account)
        contact = (f"mailto:{self.settings.email}",) if self.settings.email else ()
        client.update_registration(_resource(account), messages.Registration(contact=contact))
        return self._keep(account.url)

    def _keep(self, url: str) -> Account:
        account = Account(directory=self.settings.directory, url=url, email=self.settings.email)
        save(self._store, self._document, account)
        return account

    def _binding(self, client: Client) -> dict[str, object] | None:
        if self.settings.eab is None:
            return None
        if self._eab_key is None:
            raise ConfigError(
                "picdns.acme.eab.hmac_key", "is missing.", hint="Give it as the CA shows it."
            )
        try:
            return messages.ExternalAccountBinding.from_data(
                jwk.JWKEC(key=self._key()).public_key(),
                self.settings.eab.kid,
                self._eab_key.reveal(),
                client.directory,
            )
        except (TypeError, ValueError):
            raise ConfigError(
                "picdns.acme.eab.hmac_key",
                "is not base64url.",
                hint="Give it as the CA shows it.",
            ) from None

    def _key(self) -> ec.EllipticCurvePrivateKey:
        name = f"{self._folder}/privkey.pem"
        data = self._store.get(name)
        if data is None:
            with self._store.lock("cell", "making an account key", wait=10):
                data = self._store.get(name)
                if data is None:
                    data = pem.dump_key(pem.new_key("ec256"))
                    self._store.put(name, data)
        try:
            key = pem.load_key(data)
        except ValueError:
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StoreError(
                f"{name} is not an EC key.",
                hint="Restore it from a backup; or move it away, and a new account is made.",
            )
        return key

    @property
    def _document(self) -> str:
        return f"{self._folder}/account.json"


def _resource(account: Account) -> messages.RegistrationResource:
    return messages.RegistrationResource(uri=account.url, body=messages.Registration())
