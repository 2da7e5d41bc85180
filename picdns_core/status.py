"""What the cell looks like: asked of the store, and of Caddy."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct

from picdns_core.deploy.deployment import Deployment
from picdns_core.deploy.probe import served_serial
from picdns_core.model import Addresses, Cell, Failure
from picdns_core.store import Certificate, Lineages, Store
from picdns_core.store.failures import CELL, FORMER, LEFTOVERS, Failures
from picdns_core.wanted import Wanted

_PROBES = 8


class CertStatus(Struct, frozen=True, kw_only=True):
    """A certificate as it is used.

    `path` is its chain, through the `current` link; `served` the serial that Caddy answers with,
    None when nothing answers or no Caddy is configured.
    """

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    days_remaining: int
    renew_at: datetime
    path: str
    served: str | None


class Status(Struct, frozen=True, kw_only=True):
    """The whole cell; `missing` are names that have no certificate yet."""

    mode: str
    domain: str
    registered: bool
    certificates: tuple[CertStatus, ...]
    missing: tuple[str, ...]
    addresses: Addresses
    last_error: Failure | None


def look(
    cell: Cell,
    wants: list[Wanted],
    store: Store,
    deployment: Deployment,
    failures: Failures,
    now: datetime,
    *,
    registered: bool,
) -> Status:
    """Collect the status; takes no lock, and at most a few seconds when Caddy hangs."""
    lineages = Lineages(store)
    found = {one.lineage: lineages.current(one.lineage) for one in wants}
    certificates = [one for one in found.values() if one]
    with ThreadPoolExecutor(_PROBES, thread_name_prefix="picdns-probe") as pool:
        served = list(pool.map(lambda one: _served(one, deployment), certificates))
    return Status(
        mode=cell.mode,
        domain=cell.domain,
        registered=registered,
        certificates=tuple(
            _describe(one, serial, store, now)
            for one, serial in zip(certificates, served, strict=True)
        ),
        missing=tuple(name for one in wants if not found[one.lineage] for name in one.names),
        addresses=Addresses(),
        last_error=failures.last([CELL, FORMER, LEFTOVERS, *found]),
    )


def _served(certificate: Certificate, deployment: Deployment) -> str | None:
    if deployment.probe is None:
        return None
    return served_serial(deployment.probe, certificate.meta.names[0])


def _describe(
    certificate: Certificate, served: str | None, store: Store, now: datetime
) -> CertStatus:
    meta = certificate.meta
    return CertStatus(
        names=meta.names,
        issuer=meta.issuer,
        serial=meta.serial,
        not_before=meta.not_before,
        not_after=meta.not_after,
        days_remaining=(meta.not_after - now).days,
        renew_at=meta.renew_at,
        path=store.files(certificate.lineage, "current").fullchain,
        served=served,
    )
