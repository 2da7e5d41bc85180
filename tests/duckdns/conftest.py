"""A cell whose name a stand-in for DuckDNS holds, with Knot behind it."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from picdns_core import (
    Addresses,
    Cell,
    Publication,
    Publisher,
    Registration,
    TxtRecord,
    load_mode,
)
from picdns_core.http import Session
from picdns_core.plugins import Holder
from picdns_core.testing import LocalInternet, Zone
from picdns_core.testing.services.duckdns import DuckDns
from tests.given import Given

DOMAIN = "home.duckdns.org"
CHALLENGE = f"_acme-challenge.{DOMAIN}"

Records = dict[tuple[str, str], frozenset[str]]


class CellAtDuckDns:
    """One cell, asked through the facade; each call is as in a process of its own."""

    def __init__(self, net: LocalInternet, stand_in: DuckDns, zone: Zone, token: str) -> None:
        self.provider = load_mode("duckdns")
        self.stand_in = stand_in
        self.domain = DOMAIN
        self.token = token
        self.api_url = stand_in.url
        self.bundle = str(net.authority.bundle)
        self._zone = zone

    def by(self) -> Holder:
        secrets = Given(token=self.token) if self.token else Given()
        return {
            "cell": Cell(name="home", mode="duckdns", domain=self.domain),
            "settings": self.provider.mode.settings(api_url=self.api_url),
            "registration": Registration(domain=self.domain),
            "http": Session(self.bundle),
            "secrets": secrets,
        }

    def register(self) -> Registration:
        by: Any = self.by()
        del by["registration"]
        return self.provider.register(**by)

    def update_ip(self, ipv4: str | None = None, ipv6: str | None = None) -> Publication:
        addresses = Addresses(
            ipv4=IPv4Address(ipv4) if ipv4 else None, ipv6=IPv6Address(ipv6) if ipv6 else None
        )
        return self.provider.update_ip(addresses, **self.by())

    def publisher(self) -> Publisher:
        publisher = self.provider.publisher(**self.by())
        assert publisher
        return publisher

    def publish(self, value: str, name: str = CHALLENGE) -> None:
        self.publisher().publish(TxtRecord(name=name, value=value))

    def withdraw(self, value: str, name: str = CHALLENGE) -> None:
        self.publisher().withdraw(TxtRecord(name=name, value=value))

    def teardown(self) -> bool:
        return self.provider.teardown(**self.by())

    def records(self) -> Records:
        """Return what there is in the zone beside what the zone begins with."""
        rows = self._zone.records().items()
        return {key: values for key, values in rows if key[0] not in ("@", "ns1")}

    def asked(self) -> list[str]:
        """Return the query of each request, without what is in all of them."""
        common = f"domains=home&token={self.token}&verbose=true"
        return [
            one.target.removeprefix(f"/update?{common}").removeprefix("&")
            for one in self.stand_in.requests
        ]


def published(rdtype: str, value: str) -> Records:
    return {(name, rdtype): frozenset({value}) for name in ("home", "*.home")}


@pytest.fixture
def cell(local_internet: LocalInternet) -> Iterator[CellAtDuckDns]:
    """A cell whose label is in its account, and a zone that is empty before and after."""
    zone = local_internet.zone("duckdns.org")
    with local_internet.duckdns() as stand_in:
        yield CellAtDuckDns(local_internet, stand_in, zone, stand_in.account("home"))
    for name in ("home", "*.home"):
        zone.delete(name)
