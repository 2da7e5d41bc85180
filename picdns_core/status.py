"""What the cell looks like: asked of the store, of Caddy and of CoreDNS."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from picdns_core import differences
from picdns_core.deploy.deployment import Serving
from picdns_core.deploy.probe import served_serial
from picdns_core.deploy.proof import probed
from picdns_core.differences import Served
from picdns_core.errors import PicdnsError, StoreError
from picdns_core.job import Job
from picdns_core.model import Difference, Failure, Held, Moment
from picdns_core.store import Certificate, Store
from picdns_core.store.documents import Document, load, save
from picdns_core.store.failures import SUBJECTS
from picdns_core.store.published import Published, PublishedAddresses
from picdns_core.store.registrations import Claim
from picdns_core.store.switches import Switches
from picdns_core.store.ticks import LastTick, Ticks

_KEY = "looks/status.json"
_PROBES = 8
_NOT_UP = "The cell is not up, so the heartbeat rests. Run `picdns up`."


class CertStatus(Struct, frozen=True, kw_only=True):
    """A certificate as it is used.

    `path` is its chain, through the `current` link; `served` the serial that Caddy answers with,
    None when nothing answers or no Caddy is configured. It is renewed at `renew_at`, because of
    `why`; `explanation_url` is where the CA says more, if it does.
    """

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    days_remaining: int
    renew_at: datetime
    why: str
    explanation_url: str | None
    path: str
    served: str | None


class HeartbeatStatus(Struct, frozen=True, kw_only=True):
    """The last tick of each task, by whichever process; None when there was none."""

    addresses: LastTick | None
    certificates: LastTick | None


class Status(Struct, frozen=True, kw_only=True):
    """The whole cell; `missing` are names that have no certificate yet.

    `addresses` is None in modes that publish none. `waiting` says what the config asks for that
    waits for `up`, `switching` how far a switch is, `held` what the cell holds in modes it has
    left. `problems` is all that is broken, the oldest first, `last_error` the latest.
    `differences` is what Caddy and CoreDNS answer otherwise than they should, and public DNS did
    when the heartbeat looked last. Ticks are the newest; all else is as it was at `looked_at`.
    """

    mode: str
    domain: str
    registered: bool
    certificates: tuple[CertStatus, ...]
    missing: tuple[str, ...]
    addresses: Published | None
    heartbeat: HeartbeatStatus
    waiting: str | None
    switching: str | None
    held: tuple[Held, ...]
    problems: tuple[Failure, ...]
    last_error: Failure | None
    differences: tuple[Difference, ...] = ()
    looked_at: Moment


class _Looked(Document, frozen=True, kw_only=True):
    status: Status


def look(job: Job) -> Status:
    """Collect the status; takes no lock, and at most a few seconds when Caddy hangs.

    Nobody on the internet is asked.
    """
    found = {one.lineage: job.lineages.current(one.lineage) for one in job.wants}
    certificates = [one for one in found.values() if one]
    served = _served(job, certificates)
    serials = {one.lineage: serial for _, one, serial in served}
    concern = {*SUBJECTS, *found}
    problems = tuple(one for one in job.failures.all() if one.subject in concern)
    return Status(
        mode=job.cell.mode,
        domain=job.cell.domain,
        registered=job.holding.registration is not None,
        certificates=tuple(_describe(job, one, serials.get(one.lineage)) for one in certificates),
        missing=tuple(name for one in job.wants if not found[one.lineage] for name in one.names),
        addresses=_addresses(job),
        heartbeat=_heartbeat(job.ticks),
        waiting=job.waiting or (None if job.registrations.in_force() else _NOT_UP),
        switching=Switches(job.store).how_far(),
        held=tuple(Held.of(one.cell) for one in job.registrations.held() if _is_left(job, one)),
        problems=problems,
        last_error=max(problems, key=lambda failure: failure.at, default=None),
        differences=tuple(_differences(job, served)),
        looked_at=job.clock.now(),
    )


def keep(store: Store, status: Status) -> None:
    """Keep a look for other processes, and for this one after a restart."""
    save(store, _KEY, _Looked(status=status))


def kept(store: Store) -> Status | None:
    """Return the last look that was kept, with the newest ticks; None when there is none."""
    try:
        looked = load(store, _KEY, _Looked)
    except StoreError:  # damaged, or of another picdns: the next look replaces it
        return None
    return replace(looked.status, heartbeat=_heartbeat(Ticks(store))) if looked else None


def _is_left(job: Job, claim: Claim) -> bool:
    if claim.cell.mode == job.cell.mode:
        return False
    try:
        return job.load(claim.cell.mode).mode.holds_names
    except PicdnsError:  # it is not installed any more
        return True


def _heartbeat(ticks: Ticks) -> HeartbeatStatus:
    return HeartbeatStatus(
        addresses=ticks.last("addresses"), certificates=ticks.last("certificates")
    )


def _addresses(job: Job) -> Published | None:
    if not job.mode.publishes_addresses:
        return None
    return PublishedAddresses(job.store).load(job.mode.name, job.cell.domain)


def _differences(job: Job, served: list[Served]) -> Iterator[Difference]:
    if job.deployment.probe:
        yield from differences.at_caddy(job.deployment.probe, served)
    yield from differences.inside(job)
    yield from differences.outside(job)


def _served(job: Job, certificates: list[Certificate]) -> list[Served]:
    """Ask Caddy for each certificate that it should serve, several at a time."""
    probe = job.deployment.probe
    if probe is None:
        return []
    asked = list(probed(Serving(job.cell, tuple(certificates))))
    with ThreadPoolExecutor(_PROBES, thread_name_prefix="picdns-probe") as pool:
        serials = pool.map(lambda pair: served_serial(probe, pair[0]), asked)
        return [(*pair, serial) for pair, serial in zip(asked, serials, strict=True)]


def _describe(job: Job, certificate: Certificate, served: str | None) -> CertStatus:
    meta = certificate.meta
    return CertStatus(
        names=meta.names,
        issuer=meta.issuer,
        serial=meta.serial,
        not_before=meta.not_before,
        not_after=meta.not_after,
        days_remaining=(meta.not_after - job.clock.now()).days,
        renew_at=job.agenda.due_at(certificate),
        why=job.agenda.why(certificate),
        explanation_url=job.agenda.explanation_url(certificate),
        path=job.store.files(certificate.lineage, "current").fullchain,
        served=served,
    )
