"""Lookups on the local internet, and name servers of a test's own in its tree."""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pytest

from picdns_core import Step
from picdns_core.lookup import Lookup
from picdns_core.settings import DnsSettings
from picdns_core.testing import LocalInternet
from tests.lookup.nameserver import NameServer, Respond

PATIENCE, GRACE = 1.2, 0.3

_hosts = itertools.count(254, -1)  # servers of the tree begin at the other end


@dataclass
class Asking:
    """A lookup, what it said, and the switch that stops it."""

    net: LocalInternet
    roots: Sequence[str] = ()
    doh: tuple[str, ...] = ()
    patience: float = PATIENCE
    steps: list[Step] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        settings = DnsSettings(
            roots=tuple(self.roots) or self.net.roots, port=self.net.dns_port, doh=self.doh
        )
        self.lookup = Lookup(
            settings,
            ca_bundle=str(self.net.authority.bundle),
            cancel=self.cancel,
            progress=self.steps.append,
            patience=self.patience,
            grace=GRACE,
        )

    def address(self, name: str, rdtype: Literal["A", "AAAA"] = "A") -> str:
        """Return the one address that a name has; "" where it has none."""
        found = self.lookup.addresses(name, rdtype).addresses
        assert len(found) <= 1
        return "".join(map(str, found))

    @property
    def said(self) -> list[str]:
        return [step.text for step in self.steps]


class Serve(Protocol):
    """Starts a name server of the test's own; it ends with the test."""

    def __call__(self, respond: Respond, *, address: str = "") -> NameServer: ...


class Delegate(Protocol):
    """Lets `test` refer a zone to servers, given as hostname and address; "" gives no glue."""

    def __call__(self, zone: str, servers: dict[str, str]) -> None: ...


@pytest.fixture
def asking(local_internet: LocalInternet) -> Asking:
    """A lookup that has asked nothing yet."""
    return Asking(local_internet)


@pytest.fixture
def serve(local_internet: LocalInternet) -> Iterator[Serve]:
    network = local_internet.roots[0].rpartition(".")[0]
    with contextlib.ExitStack() as started:

        def start(respond: Respond, *, address: str = "") -> NameServer:
            where = address or f"{network}.{next(_hosts)}"
            return started.enter_context(NameServer(where, local_internet.dns_port, respond))

        yield start


@pytest.fixture
def delegate(local_internet: LocalInternet) -> Iterator[Delegate]:
    parent = local_internet.zone("test")
    delegated: set[str] = set()

    def refer(zone: str, servers: dict[str, str]) -> None:
        parent.set(f"{zone}.", "NS", *(f"{name}." for name in servers))
        delegated.add(f"{zone}.")
        for name, address in servers.items():
            if address:
                parent.set(f"{name}.", "AAAA" if ":" in address else "A", address)
                delegated.add(f"{name}.")

    yield refer
    for name in delegated:
        parent.delete(name)
