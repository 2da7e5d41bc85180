"""One public CA and this cell's account there."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from acme import messages
from josepy import jwk

from picdns_core.clock import Clock
from picdns_core.issuing.account import Accounts
from picdns_core.issuing.budget import Budget, Spent
from picdns_core.issuing.problems import translated
from picdns_core.issuing.renewal_info import RenewalInfo, parse
from picdns_core.issuing.revocation import revoke
from picdns_core.issuing.together import Together
from picdns_core.issuing.wire import Client, Network, caa_identities, renewal_info_url
from picdns_core.secret import Secret
from picdns_core.settings import AcmeSettings
from picdns_core.store import Store

_DAY = timedelta(days=1)
_FRESH = timedelta(hours=1)  # how long a directory and idle connections are used again


class Authority:
    """The CA that `picdns.acme` names; used by many threads, each with a client of its own."""

    def __init__(self, store: Store, settings: AcmeSettings, eab_key: Secret | None) -> None:
        self.settings = settings
        self._store = store
        place = re.sub(r"[^a-z0-9.]+", "-", settings.directory.lower().removeprefix("https://"))
        self._folder = f"accounts/{place.strip('-.')}"
        self._accounts = Accounts(store, self._folder, settings, eab_key)
        self._guard = threading.Lock()
        self._counting: Together[Spent] = Together()
        self._idle: list[Client] = []
        self._spare: list[Network] = []
        self._directory: messages.Directory | None = None
        self._connected: datetime | None = None
        self._clock_offset: float | None = None
        self._renewal_info: tuple[datetime, str | None] | None = None

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
            url = self._where_to_ask(network)
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

    def caa_identities(self, clock: Clock) -> tuple[str, ...]:
        """Return the names by which CAA records allow this CA; none where it tells none.

        No account is needed, and none is made. ProviderUnavailable when the CA cannot be asked.
        """
        with self._unsigned(clock) as network:
            return caa_identities(self._known(network))

    @property
    def account_url(self) -> str:
        """Where the account is at the CA; "" while there is none."""
        return self._accounts.url

    def revoke(self, fullchain_pem: bytes, reason: int, clock: Clock) -> None:
        """Have the CA revoke a certificate of this account; `reason` is one of `REASONS`.

        One that is revoked already is fine.
        """
        with self.client(clock) as client:
            revoke(client, fullchain_pem, reason, self.renew_account)

    def renew_account(self, client: Client) -> None:
        """Register again with the same key: the CA has forgotten the account."""
        with self._guard:
            self._accounts.forget(client)
            self._accounts.sign_in(client)

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
            key = jwk.JWKEC(key=self._accounts.key())
        network = self._network(clock)
        network.key = key
        with translated(network, self.settings.directory):
            client = Client(self._known(network), network)
            with self._guard:
                self._accounts.sign_in(client)
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

    def _where_to_ask(self, network: Network) -> str | None:
        """Return the URL of renewal information, for a day: looks are hours apart."""
        known, now = self._renewal_info, network.clock.now()
        if known is None or not known[0] <= now <= known[0] + _DAY:
            self._renewal_info = known = now, renewal_info_url(self._known(network))
        return known[1]

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
