"""One who orders at a CA without a runner, by whatever clock."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acme.challenges import HTTP01

from picdns_core import CertRequest, Step, pem
from picdns_core.clock import Clock
from picdns_core.issuing import Authority, Http01Responder, Orders
from picdns_core.lookup import Lookup
from picdns_core.settings import AcmeSettings, DnsSettings
from picdns_core.store import FileStore
from picdns_core.store.journal import Journal, OrderIntent
from picdns_core.testing import FaultProxy, LocalInternet, Pebble

NAME = "ordered.home.test"


def at(*, hours: float = 0, days: float = 0) -> Clock:
    """Return a clock that is so far ahead of the host's."""
    return Clock(datetime.now(UTC) + timedelta(hours=hours, days=days))


class Ordering:
    """A store, an account at the CA, and certificates had there by HTTP-01."""

    def __init__(
        self,
        root: Path,
        net: LocalInternet,
        pebble: Pebble | None = None,
        *,
        proxy: FaultProxy | None = None,
        profile: str | None = None,
    ) -> None:
        self.pebble = pebble or net.pebble
        root.mkdir(exist_ok=True)
        self.store = FileStore(root)
        self.journal = Journal(self.store)
        self.steps: list[Step] = []
        self.settings = AcmeSettings(
            directory=proxy.proxied(self.pebble.directory) if proxy else self.pebble.directory,
            ca_bundle=str(net.authority.bundle),
            http_port=net.http_port,
            profile=profile,
        )
        self.authority = Authority(self.store, self.settings, None)
        self._dns = DnsSettings(roots=net.roots, port=net.dns_port, doh=())
        self._key = pem.new_key("ec256")
        self._asked_before = len(self.pebble.requests())

    def obtain(
        self,
        name: str = NAME,
        *,
        replaces: str | None = None,
        clock: Clock | None = None,
        answered: bool = True,
    ) -> bytes:
        """Go on with the order that was left open, or order; return the chain.

        Unless it is `answered`, the CA finds nothing where it looks.
        """
        if self.journal.read(name) is None:
            intent = OrderIntent(
                mode="http01",
                lineage=name,
                generation="1",
                names=(name,),
                source="acme",
                probe=f"probe-{name}",
            )
            self.journal.write(intent)
        request = CertRequest(
            lineage=name,
            names=(name,),
            csr_pem=pem.make_csr(self._key, (name,)),
            replaces=replaces,
        )
        tell = self.steps.append
        cancel = threading.Event()
        responder = Http01Responder(
            self.store, self.settings.http_port, listen=answered, progress=tell
        )
        with responder:
            orders = Orders(
                self.authority,
                self.journal,
                responder,
                lambda: Lookup(self._dns, cancel=cancel, progress=tell),
                clock or at(),
                cancel,
                tell,
            )
            chain = orders.obtain(request, HTTP01).fullchain_pem
        self.journal.close(name)
        return chain

    def asked(self, path: str) -> int:
        """Count what the CA was asked since this began, at one of Pebble's endpoints."""
        asked = self.pebble.requests()[self._asked_before :]
        return sum(1 for _, found in asked if found.startswith(path))
