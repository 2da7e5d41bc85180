"""A name below pic.ngo: the service gives it out, and the CA finds its proof there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from picdns_core import (
    Acme,
    Addresses,
    Cell,
    CertRequest,
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

    from picdns_pic_ngo.tokens import Tokens


class Settings(Struct, frozen=True, kw_only=True):
    """What stands under `ddns`."""

    api_url: Annotated[
        str,
        Meta(
            title="Service",
            description="Where ddns.pic.ngo is.",
            pattern="^https://",
            examples=["https://ddns.pic.ngo"],
        ),
    ] = "https://ddns.pic.ngo"


@hookimpl
def domain_mode() -> DomainMode:
    return DomainMode(
        name="pic_ngo",
        title="Name at pic.ngo",
        description="The name <cell_name>.pic.ngo, and one publicly trusted certificate for it and "
        "all names below it. The clock of this host must be right.",
        settings=Settings,
        publishes_addresses=True,
        grants_names=True,
        domain_suffix="pic.ngo",
        secrets=(
            SecretField(
                name="totp_secret",
                title="TOTP secret",
                description="Proves to ddns.pic.ngo that this is a cell, in base32; the host "
                "provides it.",
            ),
            SecretField(
                name="token",
                title="Token",
                description="Opens the name at ddns.pic.ngo, which hands it out.",
                required=False,
                issued=True,
                file="data/api/.ddns_token",
            ),
            SecretField(
                name="former_token",
                title="Former token",
                description="Opens the name that a renamed cell has yet to give up.",
                required=False,
                issued=True,
            ),
            SecretField(
                name="registration_key",
                title="Registration key",
                description="Gets the token of a registration whose answer was lost.",
                required=False,
                issued=True,
            ),
        ),
    )


@hookimpl
def register(
    cell: Cell, settings: Settings, http: requests.Session, secrets: Secrets
) -> Registration:
    _tokens(cell.domain, settings, http, secrets).claim()
    return Registration(domain=cell.domain, notes={"registered": True})


@hookimpl
def update_ip(
    settings: Settings,
    registration: Registration,
    addresses: Addresses,
    http: requests.Session,
    secrets: Secrets,
) -> Publication:
    tokens = _tokens(registration.domain, settings, http, secrets)
    return tokens.use(lambda token: tokens.service.publish_addresses(tokens.name, token, addresses))


@hookimpl
def publisher(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> Publisher:
    from picdns_pic_ngo.publisher import TxtPublisher

    return TxtPublisher(_tokens(registration.domain, settings, http, secrets))


@hookimpl
def issue_cert(request: CertRequest, acme: Acme, publisher: Publisher) -> IssuedCert:
    from acme.challenges import DNS01

    return acme.obtain(request, DNS01, publisher)


@hookimpl
def teardown(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> bool:
    tokens = _tokens(registration.domain, settings, http, secrets)
    # Without our note it is a claim whose answer never came.
    return tokens.give_back(registered="registered" in registration.notes)


@hookimpl
def examine(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> tuple[Finding, ...]:
    name = registration.domain
    _tokens(name, settings, http, secrets).prove()
    return (Finding(name="token", ok=True, finding=f"The token opens {name} at ddns.pic.ngo"),)


@hookimpl
def name_available(
    cell: Cell, settings: Settings, http: requests.Session, secrets: Secrets
) -> bool:
    tokens = _tokens(cell.domain, settings, http, secrets)
    return tokens.service.is_free(tokens.name)


def _tokens(domain: str, settings: Settings, http: requests.Session, secrets: Secrets) -> Tokens:
    from picdns_pic_ngo import errors
    from picdns_pic_ngo.client import NAME, PicNgo
    from picdns_pic_ngo.tokens import Tokens

    name = domain.removesuffix(".pic.ngo")
    if name == domain or not NAME.fullmatch(name):
        raise errors.not_below(domain)
    return Tokens(PicNgo(http, settings.api_url), secrets, name)
