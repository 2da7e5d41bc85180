"""A whole provider, small enough to be read at once; its service is the `Registry`."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar
from urllib.parse import quote

import requests
from msgspec import Struct

from picdns_core import (
    Acme,
    Addresses,
    AuthenticationFailed,
    Cell,
    CertRequest,
    DomainMode,
    IssuedCert,
    ProviderUnavailable,
    Publication,
    Publisher,
    Registration,
    SecretField,
    Secrets,
    TxtRecord,
    hookimpl,
)

TYPES = ("A", "AAAA")
REFUSED, NOT_THERE, THERE = 401, 404, 409


class Settings(Struct, frozen=True, kw_only=True):
    """Where the registry is."""

    url: str


class Client:
    """Asks the registry; what it says that is no answer becomes an error."""

    def __init__(self, settings: Settings, http: requests.Session, secrets: Secrets) -> None:
        self.url = settings.url
        self.http = http
        self.token = secrets.get("token")

    def ask(self, method: str, *path: str, body: object = None) -> Any:
        url = "/".join([self.url, *(quote(part, safe="") for part in path)])
        headers = {"Authorization": f"Bearer {self.token.reveal() if self.token else ''}"}
        try:
            answer = self.http.request(method, url, headers=headers, json=body)
        except requests.RequestException as error:
            raise self.down() from error
        return self.read(answer)

    def read(self, answer: requests.Response) -> Any:
        if answer.status_code in (THERE, NOT_THERE):
            return None
        if answer.status_code == REFUSED:
            raise AuthenticationFailed(
                "The registry refuses the token. What is served stays so.",
                hint="Ask the registry for another one.",
            )
        try:
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise self.down() from error

    def down(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            "The registry does not answer. What is served stays so.", hint="Try again later."
        )


class TxtRecords:
    """The publisher: one request for one value."""

    values_per_name = 2

    def __init__(self, client: Client) -> None:
        self.client = client

    def publish(self, record: TxtRecord) -> None:
        self.client.ask("POST", "records", record.name, "TXT", record.value)

    def withdraw(self, record: TxtRecord) -> None:
        self.client.ask("DELETE", "records", record.name, "TXT", record.value)


class Memory:
    """The provider; the broken ones differ from it in one thing each."""

    name: ClassVar[str] = "memory"
    plugin: ClassVar["Memory"]
    client: ClassVar[type[Client]] = Client
    txt_records: ClassVar[type[TxtRecords]] = TxtRecords

    def __init_subclass__(cls) -> None:
        cls.name = f"memory-{cls.__name__.lower()}"
        cls.plugin = cls()

    @hookimpl
    def domain_mode(self) -> DomainMode:
        return DomainMode(
            name=self.name,
            title="In memory",
            description="To test the suite with.",
            settings=Settings,
            publishes_addresses=True,
            secrets=(SecretField(name="token", title="Token", description="Of the registry."),),
        )

    @hookimpl
    def register(
        self, cell: Cell, settings: Settings, http: requests.Session, secrets: Secrets
    ) -> Registration:
        return self.claim(self.client(settings, http, secrets), cell.domain)

    @hookimpl
    def update_ip(
        self,
        registration: Registration,
        settings: Settings,
        addresses: Addresses,
        http: requests.Session,
        secrets: Secrets,
    ) -> Publication:
        client = self.client(settings, http, secrets)
        before = {one: client.ask("GET", "records", registration.domain, one) for one in TYPES}
        self.write(client, registration.domain, addresses)
        after = {one: client.ask("GET", "records", registration.domain, one) for one in TYPES}
        return Publication(addresses=_read(after), changed=before != after)

    @hookimpl
    def publisher(self, settings: Settings, http: requests.Session, secrets: Secrets) -> Publisher:
        return self.txt_records(self.client(settings, http, secrets))

    @hookimpl
    def issue_cert(self, request: CertRequest, acme: Acme, publisher: Publisher) -> IssuedCert:
        from acme.challenges import DNS01

        return acme.obtain(request, DNS01, publisher)

    @hookimpl
    def teardown(
        self,
        registration: Registration,
        settings: Settings,
        http: requests.Session,
        secrets: Secrets,
    ) -> bool:
        client = self.client(settings, http, secrets)
        there = bool(client.ask("GET", "claims", registration.domain))
        self.give_back(client, registration)
        return there

    def claim(self, client: Client, domain: str) -> Registration:
        [number] = client.ask("GET", "claims", domain) or client.ask("POST", "claims", domain)
        return Registration(domain=domain, notes={"number": number})

    def write(self, client: Client, domain: str, addresses: Addresses) -> None:
        for rdtype, address in zip(TYPES, (addresses.ipv4, addresses.ipv6), strict=True):
            if address:
                client.ask("PUT", "records", domain, rdtype, body=[str(address)])

    def give_back(self, client: Client, registration: Registration) -> None:
        for rdtype in TYPES:
            client.ask("PUT", "records", registration.domain, rdtype, body=[])
        client.ask("DELETE", "claims", registration.domain)


def _read(records: dict[str, list[str]]) -> Addresses:
    ipv4, ipv6 = records["A"], records["AAAA"]
    return Addresses(
        ipv4=IPv4Address(ipv4[0]) if ipv4 else None, ipv6=IPv6Address(ipv6[0]) if ipv6 else None
    )


Memory.plugin = Memory()
