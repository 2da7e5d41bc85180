"""A cell in http01 with all that is on a name's way: Pebble, Caddy, CoreDNS and public DNS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from picdns_core import Runner
from picdns_core.heartbeat import Heartbeat
from picdns_core.status import Status
from picdns_core.testing import CoreDns, Echoes, LocalInternet, Zone
from picdns_core.tracing import Leg, Trace
from tests.conftest import Cell, MakeCell

VPN, HERE, HERE6 = "10.8.0.1", "127.0.0.1", "2001:db8::7"


class Way:
    """The cell, and what a name passes on its way to it."""

    def __init__(self, cell: Cell, zone: Zone, echoes: Echoes) -> None:
        self.cell, self.zone, self.echoes = cell, zone, echoes
        self.runner = Runner(cell.root)
        self.heartbeat = Heartbeat(self.runner)
        self.now = datetime.now(UTC)
        self.coredns: CoreDns | None = None

    @property
    def name(self) -> str:
        return f"files.{self.zone.name}"

    def answer_inside(self) -> None:
        """Let a CoreDNS answer the cell's names inside, from the next `up` on."""
        net = self.cell.net
        corefile = self.cell.root / "config/coredns/Corefile"
        self.coredns = server = net.coredns(corefile)
        self.cell.set(
            picdns={
                "coredns": {
                    "vpn_address": VPN,
                    "vpn_networks": ["127.0.0.0/16"],
                    "upstreams": [net.unbound.resolver],
                    "listen": ["127.0.0.1"],
                    "port": server.port,
                    "probe": server.probe,
                }
            }
        )
        self.runner = Runner(self.cell.root, reload_dns=server.reload)
        self.heartbeat = Heartbeat(self.runner)

    def tick(self, after: timedelta = timedelta(minutes=5)) -> Any:
        """Let the heartbeat look, so much later."""
        self.now += after
        return self.heartbeat.tick(self.now).certificates

    def explain(self, name: str = "files") -> Trace:
        return self.runner.explain(name)

    def legs(self, part: str, name: str = "files") -> list[Leg]:
        return [leg for leg in self.explain(name).legs if leg.part == part]

    def leg(self, part: str, name: str = "files") -> Leg:
        [leg] = self.legs(part, name)
        return leg

    def status(self) -> Status:
        return Runner(self.cell.root).refresh()

    def differences(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Say where, of which name and what was found, as a new process sees it."""
        return [(one.where, one.name, one.found) for one in self.status().differences]


@pytest.fixture(scope="module")
def echoes(local_internet: LocalInternet) -> Iterator[Echoes]:
    """Operators who tell the public address."""
    operators = local_internet.echoes()
    yield operators
    operators.close()


@pytest.fixture
def way(make_cell: MakeCell, local_internet: LocalInternet, echoes: Echoes) -> Iterator[Way]:
    """A cell that is configured and not up; public DNS leads to it, and it knows its address."""
    zone = local_internet.zone(f"way-{uuid4().hex[:8]}.test")
    cell = make_cell("http01")
    cell.set(domain_name=zone.name, picdns=local_internet.settings(echoes=echoes))
    cell.set(picdns={"address": {"also_global": ["127.0.0.0/8", "2001:db8::/32"], "ipv6": "off"}})
    for echo in echoes:
        echo.recover()
    echoes.see(ipv4=HERE)
    way = Way(cell, zone, echoes)
    yield way
    if way.coredns:
        way.coredns.close()
