"""Providers that break the contract, each in one way."""

import logging
from typing import Any, ClassVar

import requests

from picdns_core import (
    Acme,
    Addresses,
    AuthenticationFailed,
    CertRequest,
    IssuedCert,
    ProviderUnavailable,
    Publisher,
    Registration,
    Secrets,
    TxtRecord,
    hookimpl,
)

from .memory import REFUSED, TYPES, Client, Memory, Settings, TxtRecords

_log = logging.getLogger(__name__)


class ClaimsTwice(Memory):
    def claim(self, client: Client, domain: str) -> Registration:
        return Registration(domain=domain, notes={"claim": client.ask("POST", "claims", domain)})


class KeepsATuple(Memory):
    def claim(self, client: Client, domain: str) -> Registration:
        claimed = super().claim(client, domain)
        return Registration(domain=domain, notes={"types": TYPES, **claimed.notes})


class TrustsAnybody(Memory):
    def claim(self, client: Client, domain: str) -> Registration:
        try:
            return super().claim(client, domain)
        except AuthenticationFailed:
            return Registration(domain=domain)


class LeavesAddresses(Memory):
    def give_back(self, client: Client, registration: Registration) -> None:
        client.ask("DELETE", "claims", registration.domain)


class NeedsItsNotes(Memory):
    def give_back(self, client: Client, registration: Registration) -> None:
        if registration.notes:
            super().give_back(client, registration)


class TakesWhatIsForeign(Memory):
    def give_back(self, client: Client, registration: Registration) -> None:
        super().give_back(client, registration)
        client.ask("PUT", "records", registration.domain, "TXT", body=[])


class WipesTheUnknown(Memory):
    def write(self, client: Client, domain: str, addresses: Addresses) -> None:
        for rdtype, address in zip(TYPES, (addresses.ipv4, addresses.ipv6), strict=True):
            body = [str(address)] if address else []
            client.ask("PUT", "records", domain, rdtype, body=body)


class AddsAddresses(Memory):
    def write(self, client: Client, domain: str, addresses: Addresses) -> None:
        for rdtype, address in zip(TYPES, (addresses.ipv4, addresses.ipv6), strict=True):
            if address:
                client.ask("POST", "records", domain, rdtype, str(address))


class _WithdrawsAll(TxtRecords):
    def withdraw(self, record: TxtRecord) -> None:
        self.client.ask("PUT", "records", record.name, "TXT", body=[])


class WithdrawsAll(Memory):
    txt_records = _WithdrawsAll


class _Replaces(TxtRecords):
    def publish(self, record: TxtRecord) -> None:
        self.client.ask("PUT", "records", record.name, "TXT", body=[record.value])


class Replaces(Memory):
    txt_records = _Replaces


class _Remembers(TxtRecords):
    published: ClassVar[set[TxtRecord]] = set()

    def publish(self, record: TxtRecord) -> None:
        super().publish(record)
        self.published.add(record)

    def withdraw(self, record: TxtRecord) -> None:
        if record in self.published:
            super().withdraw(record)


class Remembers(Memory):
    txt_records = _Remembers


class _WantsItThere(TxtRecords):
    def withdraw(self, record: TxtRecord) -> None:
        values = self.client.ask("GET", "records", record.name, "TXT")
        values.remove(record.value)
        super().withdraw(record)


class WantsItThere(Memory):
    txt_records = _WantsItThere


class _KeepsTheSession(Client):
    kept: ClassVar[list[requests.Session]] = []

    def __init__(self, settings: Settings, http: requests.Session, secrets: Secrets) -> None:
        super().__init__(settings, http, secrets)
        self.kept.append(http)
        self.http = self.kept[0]


class KeepsTheSession(Memory):
    client = _KeepsTheSession


class _BlamesTheToken(Client):
    def read(self, answer: requests.Response) -> Any:
        if answer.status_code >= 500:
            answer.status_code = REFUSED
        return super().read(answer)


class BlamesTheToken(Memory):
    client = _BlamesTheToken


class _TakesPagesForAnswers(Client):
    def read(self, answer: requests.Response) -> Any:
        if answer.ok and "html" in answer.headers["Content-Type"]:
            return []
        return super().read(answer)


class TakesPagesForAnswers(Memory):
    client = _TakesPagesForAnswers


class _Curt(Client):
    def down(self) -> ProviderUnavailable:
        return ProviderUnavailable("The registry does not answer.")


class Curt(Memory):
    client = _Curt


class NotesTheToken(Memory):
    def claim(self, client: Client, domain: str) -> Registration:
        claimed = super().claim(client, domain)
        return Registration(domain=domain, notes={**claimed.notes, "token": revealed(client)})


class _LogsTheToken(Client):
    def ask(self, method: str, *path: str, body: object = None) -> Any:
        _log.debug("asking with %s", revealed(self))
        return super().ask(method, *path, body=body)


class LogsTheToken(Memory):
    client = _LogsTheToken


class _RaisesTheToken(Client):
    def ask(self, method: str, *path: str, body: object = None) -> Any:
        try:
            return super().ask(method, *path, body=body)
        except ProviderUnavailable as error:
            raise self.down() from ValueError(f"{error} while asking with {revealed(self)}")


class RaisesTheToken(Memory):
    client = _RaisesTheToken


def revealed(client: Client) -> str:
    return client.token.reveal() if client.token else ""


class CutsTheChain(Memory):
    @hookimpl
    def issue_cert(self, request: CertRequest, acme: Acme, publisher: Publisher) -> IssuedCert:
        issued = super().issue_cert(request, acme, publisher)
        leaf, end, _ = issued.fullchain_pem.partition(b"-----END CERTIFICATE-----\n")
        return IssuedCert(fullchain_pem=leaf + end)
