"""A domain that Cloudflare serves: its records are kept, and the CA finds its proof there."""

from __future__ import annotations

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
    ForeignName,
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

    from picdns_cloudflare.client import Cloudflare, ZoneId
    from picdns_cloudflare.zones import Zones


class Settings(Struct, frozen=True, kw_only=True):
    """What stands under `ddns`."""

    zone_id: Annotated[
        Annotated[
            str, Meta(pattern="^[0-9a-f]{32}$", examples=["023e105f4ecef8ad9ca31a8372d0c353"])
        ]
        | None,
        Meta(
            title="Zone ID",
            description="From the zone's overview page at Cloudflare; only for tokens that cannot "
            "list zones.",
        ),
    ] = None
    api_url: Annotated[
        str,
        Meta(
            title="API",
            description="Where Cloudflare's API v4 is.",
            pattern="^https://",
            examples=["https://api.cloudflare.com/client/v4"],
        ),
    ] = "https://api.cloudflare.com/client/v4"


@hookimpl
def domain_mode() -> DomainMode:
    return DomainMode(
        name="cloudflare",
        title="Own domain at Cloudflare",
        description="One publicly trusted certificate for the domain and all names below it. "
        "Cloudflare serves the domain; an API token lets this cell keep its records. No port has "
        "to be open for that.",
        settings=Settings,
        publishes_addresses=True,
        secrets=(
            SecretField(
                name="token",
                title="API token",
                description="Made at Cloudflare under My Profile > API Tokens, by the template "
                "Edit zone DNS, for the zone of the domain.",
            ),
        ),
    )


@hookimpl
def register(
    cell: Cell, settings: Settings, http: requests.Session, secrets: Secrets
) -> Registration:
    """Find the zone, and write and remove a TXT there, as a renewal will have to."""
    from picdns_cloudflare.ownership import canary, mark
    from picdns_cloudflare.publisher import TxtPublisher
    from picdns_cloudflare.zones import Zones, given_zone

    cloudflare = _cloudflare(settings, http, secrets)
    if settings.zone_id:
        zone = given_zone(cloudflare, settings.zone_id, cell.domain)
    else:
        zone = Zones(cloudflare).covering(cell.domain)
    rehearsal = TxtPublisher(cloudflare, Zones(cloudflare, given={cell.domain: zone}), mark(cell))
    rehearsal.publish(canary(cell.domain))
    rehearsal.withdraw(canary(cell.domain))
    return Registration(domain=cell.domain, notes=_notes(zone))


@hookimpl
def update_ip(
    cell: Cell,
    settings: Settings,
    registration: Registration,
    addresses: Addresses,
    http: requests.Session,
    secrets: Secrets,
) -> Publication:
    from picdns_cloudflare.addresses import AddressRecords
    from picdns_cloudflare.ownership import mark

    cloudflare = _cloudflare(settings, http, secrets)

    def publish(zone: ZoneId) -> bool:
        records = AddressRecords(cloudflare, zone, mark(cell))
        return records.publish(registration.domain, addresses)

    zones = _zones(cloudflare, settings, registration)
    return Publication(addresses=addresses, changed=zones.within(registration.domain, publish))


@hookimpl
def publisher(
    cell: Cell,
    settings: Settings,
    registration: Registration,
    http: requests.Session,
    secrets: Secrets,
) -> Publisher:
    from picdns_cloudflare.ownership import mark
    from picdns_cloudflare.publisher import TxtPublisher

    cloudflare = _cloudflare(settings, http, secrets)
    return TxtPublisher(cloudflare, _zones(cloudflare, settings, registration), mark(cell))


@hookimpl
def issue_cert(request: CertRequest, acme: Acme, publisher: Publisher) -> IssuedCert:
    from acme.challenges import DNS01

    return acme.obtain(request, DNS01, publisher)


@hookimpl
def teardown(
    cell: Cell,
    settings: Settings,
    registration: Registration,
    http: requests.Session,
    secrets: Secrets,
) -> bool:
    """Delete what carries this cell's comment; what was there before and only changed stays."""
    from picdns_cloudflare.errors import unseen
    from picdns_cloudflare.ownership import mark, names

    cloudflare = _cloudflare(settings, http, secrets)
    places = names(registration.domain)

    def remove(zone: ZoneId) -> bool:
        ours = [
            record
            for record in cloudflare.records(zone, comment=mark(cell))
            if record.comment == mark(cell)
            and record.name in places
            and record.type in ("A", "AAAA", "TXT")
        ]
        for record in ours:
            cloudflare.delete(zone, record.id)
        return bool(ours)

    try:
        return _zones(cloudflare, settings, registration).within(registration.domain, remove)
    except ForeignName:
        if not registration.notes:  # `register` found no zone either, and wrote nothing
            return False
        notes = registration.notes
        raise unseen(notes.get("zone", notes["zone_id"]), mark(cell), places) from None


@hookimpl
def examine(
    settings: Settings, registration: Registration, http: requests.Session, secrets: Secrets
) -> tuple[Finding, ...]:
    from picdns_cloudflare import examining

    cloudflare = _cloudflare(settings, http, secrets)
    zones = _zones(cloudflare, settings, registration)
    return tuple(examining.examine(cloudflare, zones, registration.domain))


def _cloudflare(settings: Settings, http: requests.Session, secrets: Secrets) -> Cloudflare:
    from picdns_cloudflare.client import Cloudflare

    token = secrets.get("token")
    if not token:
        raise ConfigError(
            "ddns.token",
            "the Cloudflare API token is missing.",
            hint="Set it: `picdns init --secret token=@FILE`.",
        )
    return Cloudflare(http, settings.api_url, token)


def _notes(zone: ZoneId) -> dict[str, str]:
    """Note the zone; without its name where the token could not read that."""
    from picdns_cloudflare.client import Zone

    name = {"zone": zone.name} if isinstance(zone, Zone) else {}
    return {"zone_id": zone.id, **name}


def _zones(cloudflare: Cloudflare, settings: Settings, registration: Registration) -> Zones:
    """Know the zone of the settings or of the registration; without either it is looked up.

    A registration has no notes where `register` did not end.
    """
    from picdns_cloudflare.client import Zone, ZoneId
    from picdns_cloudflare.zones import Zones

    notes = registration.notes
    name = notes.get("zone")
    if settings.zone_id:
        suffix = name or registration.domain
        return Zones(cloudflare, given={suffix: ZoneId(settings.zone_id)})
    if name:
        return Zones(cloudflare, kept=Zone(id=notes["zone_id"], name=name))
    return Zones(cloudflare)
