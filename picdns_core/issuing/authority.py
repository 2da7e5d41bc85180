"""One public CA and this cell's account there."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from josepy import jwk

from picdns_core import pem
from picdns_core.errors import ConfigError, StoreError
from picdns_core.issuing.problems import translated
from picdns_core.issuing.wire import Client, Network
from picdns_core.secret import Secret
from picdns_core.settings import AcmeSettings
from picdns_core.store import Document, Store, load, save

_FRESH = 3600.0  # how long a directory and idle connections are used again, in seconds


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
        self._idle: list[Client] = []
        self._directory: messages.Directory | None = None
        self._connected = 0.0

    def is_for(self, settings: AcmeSettings, eab_key: Secret | None) -> bool:
        """Say whether this is the CA, and the account there, that the config now means."""
        return (self.settings, self._eab_key) == (settings, eab_key)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Lend a client that is signed in; all errors of the CA come out as ours."""
        client = self._take() or self._connect()
        with translated(client.net, self.settings.directory):
            yield client
        with self._guard:
            self._idle.append(client)

    def renew_account(self, client: Client) -> None:
        """Register again with the same key: the CA has forgotten the account."""
        with self._guard:
            known = load(self._store, self._document, Account)
            if known and client.net.account and known.url == client.net.account.uri:
                self._store.delete(self._document)
        self._sign_in(client)

    def _take(self) -> Client | None:
        with self._guard:
            if time.monotonic() - self._connected > _FRESH:
                self._idle.clear()
                self._directory = None
            return self._idle.pop() if self._idle else None

    def _connect(self) -> Client:
        with self._guard:
            key = jwk.JWKEC(key=self._key())
        network = Network(key, self.settings.ca_bundle)
        with translated(network, self.settings.directory):
            with self._guard:
                if self._directory is None:
                    answer = network.get(self.settings.directory)
                    self._directory = messages.Directory.from_json(answer.json())
                    self._connected = time.monotonic()
            client = Client(self._directory, network)
            self._sign_in(client)
        return client

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
