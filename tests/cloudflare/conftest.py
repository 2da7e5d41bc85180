"""A cell whose zone a stand-in for Cloudflare holds, with Knot behind it."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

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
from picdns_core.testing.services.cloudflare import Cloudflare
from tests.given import Given

ZONE = "cf.test"
DOMAIN = "home.cf.test"
INNER_ZONE = "inner.cf.test"
OTHER_ZONE = "cf-other.test"
CHALLENGE = f"_acme-challenge.{DOMAIN}"
MARK = "picdns cell home"

Records = dict[tuple[str, str], frozenset[str]]


class CellAtCloudflare:
    """One cell, asked through the facade; each call is as in a process of its own."""

    def __init__(
        self,
        net: LocalInternet,
        stand_in: Cloudflare,
        *,
        name: str = "home",
        domain: str = DOMAIN,
        token: str | None = None,
        registration: Registration | None = None,
        **settings: str,
    ) -> None:
        self.provider = load_mode("cloudflare")
        self.cell = Cell(name=name, mode="cloudflare", domain=domain)
        self.token = stand_in.default_token if token is None else token
        self.settings = self.provider.mode.settings(**({"api_url": stand_in.api_url} | settings))
        self.registration = registration or Registration(
            domain=domain, notes={"zone_id": stand_in.zone_id(ZONE), "zone": ZONE}
        )
        self._bundle = str(net.authority.bundle)

    def register(self) -> Registration:
        """Register; what comes of it is used from now on."""
        by = self.by()
        self.registration = self.provider.register(
            cell=by["cell"], settings=by["settings"], http=by["http"], secrets=by["secrets"]
        )
        return self.registration

    def update_ip(self, *, ipv4: str = "", ipv6: str = "") -> Publication:
        addresses = Addresses(
            ipv4=IPv4Address(ipv4) if ipv4 else None, ipv6=IPv6Address(ipv6) if ipv6 else None
        )
        return self.provider.update_ip(addresses=addresses, **self.by())

    def publisher(self) -> Publisher:
        made = self.provider.publisher(**self.by())
        assert made
        return made

    def teardown(self) -> bool:
        return self.provider.teardown(**self.by())

    def by(self) -> Holder:
        """Return what each hook is told."""
        return {
            "cell": self.cell,
            "settings": self.settings,
            "registration": self.registration,
            "http": Session(self._bundle),
            "secrets": Given(**({"token": self.token} if self.token else {})),
        }


class MakeCell(Protocol):
    """Makes a cell; keywords are those of `CellAtCloudflare`."""

    def __call__(self, **how: Any) -> CellAtCloudflare: ...


@pytest.fixture
def stand_in(local_internet: LocalInternet) -> Iterator[Cloudflare]:
    """Hold three zones, in which nothing is left from the test before."""
    zones = [local_internet.zone(name) for name in (ZONE, INNER_ZONE, OTHER_ZONE)]
    with local_internet.cloudflare(*(zone.name for zone in zones)) as service:
        before = [zone.records() for zone in zones]
        yield service
    for zone, records in zip(zones, before, strict=True):
        restore(zone, records)


@pytest.fixture
def zone(stand_in: Cloudflare, local_internet: LocalInternet) -> Zone:
    """The zone as DNS has it."""
    return local_internet.zone(ZONE)


@pytest.fixture
def make_cell(stand_in: Cloudflare, local_internet: LocalInternet) -> MakeCell:
    def make(**how: Any) -> CellAtCloudflare:
        return CellAtCloudflare(local_internet, stand_in, **how)

    return make


@pytest.fixture
def home(make_cell: MakeCell) -> CellAtCloudflare:
    """A cell that may do everything."""
    return make_cell()


def challenge(value: str, name: str = CHALLENGE) -> TxtRecord:
    return TxtRecord(name=name, value=value)


def restore(zone: Zone, before: Records) -> None:
    for (name, rdtype), values in zone.records().items():
        if (name, rdtype) not in before:
            zone.delete(name, rdtype, *values)
    for (name, rdtype), values in before.items():
        if rdtype in {"A", "AAAA", "TXT"}:
            zone.set(name, rdtype, *values)


def without_soa(records: Records) -> Records:
    return {key: values for key, values in records.items() if key[1] != "SOA"}


def asked(service: Cloudflare) -> list[str]:
    """Return what was asked, without the prefix and the numbers of pages."""
    found = []
    for request in service.requests:
        path, _, query = request.target.removeprefix("/client/v4").partition("?")
        kept = "&".join(part for part in query.split("&") if "page" not in part)
        found.append(f"{request.method} {path}{'?' if kept else ''}{kept}")
    return found


def bodies(service: Cloudflare, method: str) -> list[Any]:
    return [json.loads(one.body) for one in service.requests if one.method == method]
