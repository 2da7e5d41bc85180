"""Finders, and operators of the local internet to ask."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec
import pytest

from picdns_core import Addresses, Step
from picdns_core.address import AddressFinder, Finding
from picdns_core.settings import AddressSettings
from picdns_core.testing import Echoes, LocalInternet

PATIENCE = 10.0  # seconds, which no test waits
NOTHING = Addresses()

SEEN4, SEEN6 = IPv4Address("192.0.2.7"), IPv6Address("2001:db8::7")
OLD4, OLD6 = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")
SEEN = Addresses(ipv4=SEEN4, ipv6=SEEN6)
OLD = Addresses(ipv4=OLD4, ipv6=OLD6)


@dataclass
class Looking:
    """Finds addresses by asking the operators, with what is set beside that."""

    net: LocalInternet
    echoes: Echoes
    cancel: threading.Event = field(default_factory=threading.Event)
    steps: list[Step] = field(default_factory=list)

    def finder(self, *, patience: float = PATIENCE, **settings: Any) -> AddressFinder:
        return AddressFinder(
            msgspec.convert(self.echoes.settings() | settings, AddressSettings),
            ca_bundle=str(self.net.authority.bundle),
            cancel=self.cancel,
            progress=self.steps.append,
            patience=patience,
        )

    def find(self, known: Addresses = NOTHING, **settings: Any) -> Finding:
        return self.finder(**settings).find(known)


@pytest.fixture(scope="session")
def net() -> Iterator[LocalInternet]:
    """A local internet of which nothing is started."""
    with LocalInternet() as net:
        yield net


@pytest.fixture(scope="session")
def operators(net: LocalInternet) -> Echoes:
    return net.echoes()


@pytest.fixture
def echoes(operators: Echoes) -> Echoes:
    """Four operators, all well, who see the same addresses and were asked nothing."""
    operators.see(ipv4=str(SEEN4), ipv6=str(SEEN6))
    for echo in operators:
        echo.recover()
        echo.asked.clear()
    return operators


@pytest.fixture
def looking(net: LocalInternet, echoes: Echoes) -> Looking:
    return Looking(net, echoes)
