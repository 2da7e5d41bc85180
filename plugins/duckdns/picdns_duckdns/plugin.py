"""A free name at DuckDNS: its addresses, and a wildcard certificate over DNS-01."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from picdns_core import (
    Acme,
    Addresses,
    Cell,
    CertRequest,
    ConfigError,
    DomainMode,
    Finding,
    IssuedCert,
    Publication,
    Publisher,
    Registration,
    SecretField,
    Secrets,
    hookimpl,
)

if TYPE_CHECKING:
    import requests

    from picdns_duckdns.client import DuckDns

_SUFFIX = "duckdns.org"
_CANARY = "picdns-rehearsal"
_TOKEN = re.compile(r"[A-Za-z0-9-]+")  # those given out are UUIDs
_HOW_TO_SET_IT = (
    "It is at the top of https://www.duckdns.org once you are logged in. Set it by "
    "`picdns init --secret token=@FILE`."
)


class Settings(Struct, frozen=True, kw_only=True):
    """What can be set under `ddns` in this mode."""

    api_url: Annotated[
        str,
        Meta(
            title="API",
            description="Where DuckDNS's update API is; never plain http, for the token is in "
            "each URL.",
            pattern="^https://",
            examples=["https://www.duckdns.org"],
        ),
    ] = "https://www.duckdns.org"


@hookimpl
def domain_mode() -> DomainMode:
    return DomainMode(
        name="duckdns",
        title="DuckDNS",
        description="A free name below duckdns.org, kept at your address, with one publicly "
        "trusted wildcard certificate. No port need be open for that.",
        settings=Settings,
        wildcard=True,
        publishes_addresses=True,
        domain_suffix=_SUFFIX,
        secrets=(
            SecretField(
                name="token",
                title="Token",
                description="Of your account: at the top of https://www.duckdns.org once you are "
                "logged in.",
            ),
        ),
    )


@hookimpl
def register(
    cell: Cell, settings: Settings, http: requests.Session, secrets: Secrets
) -> Registration:
    """Prove token and name by what an order will do: write a TXT value and clear it."""
    label = _label(cell.domain)
    duckdns = _client(settings, http, secrets)
    duckdns.set_txt(label, _CANARY)
    duckdns.clear_txt(label)
    return Registration(domain=cell.domain)


@hookimpl
def update_ip(
    settings: Settings,
    registration: Registration,
    addresses: Addresses,
    http: requests.Session,
    secrets: Secrets,
) -> Publication:
    if addresses == Addresses():  # a request without any address lets DuckDNS detect one
        return Publication(addresses=addresses, changed=False)
    changed = _client(settings, http, secrets).set_addresses(_label(registration.domain), addresses)
    return Publication(addresses=addresses, changed=changed)


@hookimpl
def publisher(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> Publisher:
    from picdns_duckdns.publisher import DuckDnsPublisher

    return DuckDnsPublisher(_client(settings, http, secrets), _label(registration.domain))


@hookimpl
def issue_cert(request: CertRequest, acme: Acme, publisher: Publisher) -> IssuedCert:
    from acme.challenges import DNS01

    return acme.obtain(request, DNS01, publisher)


@hookimpl
def teardown(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> bool:
    """Empty the label; it stays in the account, where only its owner can delete it."""
    if not registration.domain.endswith(f".{_SUFFIX}"):  # refused before DuckDNS was asked
        return False
    label = _label(registration.domain)
    duckdns = _client(settings, http, secrets)
    txt = duckdns.clear_txt(label)
    addresses = duckdns.clear_addresses(label)
    return txt or addresses


@hookimpl
def examine(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> tuple[Finding, ...]:
    """Ask for nothing, with the token; DuckDNS tells no more than whether that is refused."""
    label = _label(registration.domain)
    _client(settings, http, secrets).prove(label)
    text = f"The DuckDNS token may change {label}.{_SUFFIX}; tokens there do not end"
    return (Finding(name="token", ok=True, finding=text),)


def _client(settings: Settings, http: requests.Session, secrets: Secrets) -> DuckDns:
    token = secrets.get("token")
    if token is None:
        raise ConfigError("ddns.token", "the DuckDNS token is missing.", hint=_HOW_TO_SET_IT)
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigError(
            "ddns.token",
            "the DuckDNS token is malformed: it has letters, digits and hyphens only. Nothing was "
            "sent.",
            hint=_HOW_TO_SET_IT,
        )
    from picdns_duckdns.client import DuckDns

    return DuckDns(http, settings.api_url, token)


def _label(domain: str) -> str:
    """Return the label directly below duckdns.org: DuckDNS knows no name below that."""
    above, _, suffix = domain.rpartition(f".{_SUFFIX}")
    label = above.rpartition(".")[2]
    if suffix or not label:
        raise ConfigError(
            "domain_name",
            f"{domain} is no name below {_SUFFIX}.",
            hint="As home.duckdns.org, with a subdomain that your account there has.",
        )
    return label
