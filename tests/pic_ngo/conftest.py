"""Cells at a service that just began, as the core asks their provider."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import msgspec
import pytest

from picdns_core import (
    Addresses,
    Cell,
    FileStore,
    Publication,
    Publisher,
    Registration,
    Secret,
    Secrets,
    TxtRecord,
    load_mode,
)
from picdns_core.http import Session
from picdns_core.plugins import Claimant, Holder
from picdns_core.store import ModeSecrets
from picdns_core.testing import LocalInternet
from picdns_core.testing.services.pic_ngo import PicNgo

VALUE = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
OTHER_VALUE = VALUE[::-1]
ADDRESSES = Addresses(ipv4=IPv4Address("198.51.100.7"), ipv6=IPv6Address("2001:db8::7"))


class Tenant:
    """A cell below its own root; each call has a session of its own."""

    def __init__(self, root: Path, service: PicNgo, bundle: Path, name: str = "home") -> None:
        self.name = name
        self.root = root
        self.service = service
        self.provider = load_mode("pic_ngo")
        self.settings = msgspec.convert({"api_url": service.url}, self.provider.mode.settings)
        self.secrets: Secrets = ModeSecrets(
            FileStore(root), root, "pic_ngo", self.provider.mode.secrets
        )
        self.secrets.put("totp_secret", Secret(service.totp_secret))
        self.bundle = str(bundle)
        self.claims: dict[str, Registration] = {}

    @property
    def domain(self) -> str:
        return f"{self.name}.pic.ngo"

    @property
    def token_file(self) -> Path:
        return self.root / "data/api/.ddns_token"

    @property
    def token(self) -> str:
        """What is in the host's file, empty where there is none."""
        return self.token_file.read_text() if self.token_file.exists() else ""

    def kept(self) -> set[str]:
        """Name the secrets that are on disk."""
        declared = {field.name for field in self.provider.mode.secrets}
        return {name for name in declared if self.secrets.get(name)}

    def register(self) -> Registration:
        with self._session() as http:
            self.claims[self.domain] = self.provider.register(**self._claimant(http))
            return self.claims[self.domain]

    def update_ip(self, addresses: Addresses = ADDRESSES) -> Publication:
        with self._session() as http:
            return self.provider.update_ip(addresses, **self._holder(http))

    def publish(self, value: str = VALUE, *, at: str | None = None) -> None:
        with self._publisher() as publisher:
            publisher.publish(self._record(value, at))

    def withdraw(self, value: str = VALUE, *, at: str | None = None) -> None:
        with self._publisher() as publisher:
            publisher.withdraw(self._record(value, at))

    def teardown(self) -> bool:
        with self._session() as http:
            return self.provider.teardown(**self._holder(http))

    def is_registered(self) -> bool:
        """Ask the service whether the token on disk opens the name."""
        with self._session() as http:
            url = f"{self.service.url}/v1/registrations/{self.name}"
            return http.get(url, headers={"Authorization": f"Bearer {self.token}"}).ok

    def is_free(self, name: str) -> bool:
        with self._session() as http:
            answer = http.get(f"{self.service.url}/v1/names/{name}").json()
            return bool(answer["available"])

    @contextmanager
    def _publisher(self) -> Iterator[Publisher]:
        with self._session() as http:
            publisher = self.provider.publisher(**self._holder(http))
            assert publisher
            yield publisher

    def _record(self, value: str, at: str | None) -> TxtRecord:
        return TxtRecord(name=at or f"_acme-challenge.{self.domain}", value=value)

    def _session(self) -> Session:
        return Session(self.bundle)

    def _claimant(self, http: Session) -> Claimant:
        cell = Cell(name=self.name, mode="pic_ngo", domain=self.domain)
        return Claimant(cell=cell, settings=self.settings, http=http, secrets=self.secrets)

    def _holder(self, http: Session) -> Holder:
        unheard = Registration(domain=self.domain)  # as the core has it before it asks
        return Holder(**self._claimant(http), registration=self.claims.get(self.domain, unheard))


MakeTenant = Callable[..., Tenant]


@pytest.fixture
def service(local_internet: LocalInternet) -> Iterator[PicNgo]:
    """A service where nothing is registered, and that takes addresses of documentation."""
    with local_internet.pic_ngo() as service:
        service.also_global = ["198.51.100.0/24", "2001:db8::/32"]
        yield service


@pytest.fixture
def make_tenant(tmp_path: Path, service: PicNgo, local_internet: LocalInternet) -> MakeTenant:
    """Make cells by name, each with a directory of its own."""

    def make(name: str = "home") -> Tenant:
        root = tmp_path / f"of-{name}"
        root.mkdir()
        return Tenant(root, service, local_internet.authority.bundle, name)

    return make


@pytest.fixture
def tenant(make_tenant: MakeTenant) -> Tenant:
    return make_tenant()


def posts(service: PicNgo) -> list[str]:
    """Return the idempotency keys of all attempts to register, in their order."""
    return [one.header("Idempotency-Key") or "" for one in service.requests if one.method == "POST"]


def published(service: PicNgo, name: str) -> dict[tuple[str, str], frozenset[str]]:
    """Return what the zone has for a name, by what stands before it and type."""
    return {
        (owner, rdtype): values
        for (owner, rdtype), values in service.zone.records().items()
        if owner.rpartition(".")[2] == name
    }
