"""What one tick of the heartbeat does: for the certificates of a cell, and for its addresses."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from picdns_core import differences, outside, retirement
from picdns_core.clock_check import check_clock
from picdns_core.deploy.deployment import Serving
from picdns_core.deploy.probe import served_serial
from picdns_core.deploy.proof import probed
from picdns_core.errors import (
    AddressDisputed,
    AddressUnusable,
    Busy,
    Cancelled,
    LeadsElsewhere,
    PicdnsError,
    PropagationTimeout,
    StoreError,
)
from picdns_core.job import Job
from picdns_core.model import Addresses, Cell, Report
from picdns_core.store.failures import (
    ADDRESSES,
    CELL,
    CLOCK,
    CONFIG,
    LEFTOVERS,
    OUTSIDE,
    SUBJECTS,
)
from picdns_core.store.outside import Outside, OutsideLooks
from picdns_core.wanted import Wanted
from picdns_core.workshop import Workshop

if TYPE_CHECKING:
    from picdns_core.publishing import AddressKeeper

_LONGEST_PAUSE = timedelta(hours=1)  # between tries to publish
_LOOK_AT_SERVED = timedelta(hours=1)


class Done(NamedTuple):
    """What was done and why, in words, and when there will be something to do."""

    did: tuple[str, ...]
    due_at: datetime | None = None


class AddressKeeping:
    """Keeps the public addresses of one cell published."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def __call__(self, job: Job, *, at_once: bool = False) -> Done:
        """Publish what has to be; failures are noted, and wait for their time unless `at_once`."""
        if (later := job.failures.postponed(ADDRESSES)) and not at_once:
            return Done((), later)
        try:
            look = self._keeper(job).keep(at_once=at_once)
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            return Done((f"Addresses not published: {error.message}",), _noted(job, error))
        unusable = next((one for one in look.verdicts if one.kind != "absent"), None)
        if unusable and not look.reachable:
            job.failures.note(ADDRESSES, AddressUnusable(unusable.text, hint=unusable.hint))
        elif look.lacking_since and job.clock.now() - look.lacking_since >= _LONGEST_PAUSE:
            job.failures.note(ADDRESSES, _lacking(look.lacking_since))
        elif look.settled:
            job.failures.clear(ADDRESSES)
        return Done(look.did)

    def publish(self, job: Job) -> tuple[str, ...]:
        """Publish at once what can be found; say what was done, and raise what went wrong."""
        return self._keeper(job).keep(at_once=True).did

    def _keeper(self, job: Job) -> AddressKeeper:
        from picdns_core.publishing import AddressKeeper

        workshop = self._workshop

        def changed(addresses: Addresses, previous: Addresses) -> None:
            workshop.announce.ip_changed(job.cell, job.clock.now(), addresses, previous)

        return AddressKeeper(
            provider=job.provider,
            store=job.store,
            claim=job.holding.claim,
            holder=job.holding.holder,
            finder=job.finder,
            lookup=job.lookup,
            clock=job.clock,
            changed=changed,
            progress=workshop.progress,
            cancel=workshop.cancel,
        )


def _lacking(since: datetime) -> AddressUnusable:
    return AddressUnusable(
        f"Nobody has said this host's public address since {since:%Y-%m-%d %H:%M} UTC. What is "
        "published stays so, also if it has changed.",
        hint="Check the internet connection, and that picdns may ask out on ports 443 and 53; see "
        "picdns.address.sources. If none is to be published, set ipv4 and ipv6 to off there.",
    )


def _noted(job: Job, error: PicdnsError) -> datetime | None:
    """Keep why nothing was published; return until when nothing is tried, None if each tick may."""
    if isinstance(error, AddressDisputed | PropagationTimeout | StoreError):
        job.failures.note(ADDRESSES, error)
        return None
    return job.failures.postpone(ADDRESSES, error, longest=_LONGEST_PAUSE)


class CertificateKeeping:
    """Keeps the certificates of one cell; what it knows lasts from tick to tick."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._seen_served: datetime | None = None
        self._seen_cell: Cell | None = None
        self._turns = count()

    def __call__(self, job: Job) -> Done:
        """Renew what is due, and see to it that the newest is served; failures are noted."""
        job.failures.settle(CONFIG, job.trouble)
        try:
            check_clock(job)
        except PicdnsError as error:
            job.failures.note(CLOCK, error)
            return Done((f"Decided nothing about certificates: {error.message}",))
        job.failures.clear(CLOCK)
        if job.holding.registration is None and (later := job.failures.postponed(CELL)):
            return Done((), later)
        try:
            self._workshop.registrar(job).register(patiently=True)
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            later = job.failures.postpone(CELL, error)
            return Done((f"Not registered: {error.message}",), later)
        with job.failures.remembered(CELL):
            if not job.failures.postponed(LEFTOVERS):
                job.renewal.tidy({one.lineage for one in job.wants})
                job.leftovers.tell(job.failures)
            _ask_the_ca(job)
            retirement.look(job)
            certificates = self._workshop.certificates(job)
            due = certificates.due(job.wants)
            _forget_what_is_not_due(job, due)
            due = _not_held_back(job, due)
            did: tuple[str, ...] = ()
            if due or self._is_time_to_look(job):
                report = certificates.renew(due)
                self._seen_served, self._seen_cell = job.clock.now(), job.cell
                did = tuple(_told(report, due))
            dropped = retirement.drop(job, ticking=True)
            did += tuple(f"Dropped {one}, not wanted for a day" for one in dropped)
        _look_outside(job)
        return Done(did, _due_at(job))

    def _is_time_to_look(self, job: Job) -> bool:
        """Say whether what is served was not looked at lately, or not as it should be then."""
        seen, now = self._seen_served, job.clock.now()
        fresh = seen is not None and seen <= now < seen + _LOOK_AT_SERVED
        if not fresh or job.cell != self._seen_cell or job.failures.get(CELL) is not None:
            return True
        return not self._seems_right(job)

    def _seems_right(self, job: Job) -> bool:
        """Look at one certificate, each in its turn, and ask CoreDNS for the domain.

        That is cheap enough for each tick, and a config of somebody else changes all of them.
        """
        glances = (job.lineages.glance(one.lineage) for one in job.wants)
        known = list(probed(Serving(job.cell, tuple(one for one in glances if one))))
        if known and job.deployment.probe:
            name, one = known[next(self._turns) % len(known)]
            if served_serial(job.deployment.probe, name) != one.meta.serial:
                return False
        return differences.inside_at(job, job.cell.domain) is None


def _look_outside(job: Job) -> None:
    """Look once an hour where names lead that others publish; what is wrong is noted."""
    if job.mode.publishes_addresses or not job.mode.public:
        job.failures.clear(OUTSIDE)
        return
    looks, domain, now = OutsideLooks(job.store), job.cell.domain, job.clock.now()
    last = looks.last(domain)
    if last and last.looked_at <= now < last.looked_at + _LOOK_AT_SERVED:
        return
    try:
        found = outside.look(job)
    except Cancelled:
        raise
    except PicdnsError as error:
        job.failures.note(OUTSIDE, error)
        return
    looks.put(Outside(domain=domain, looked_at=now, differences=found))
    if not found:
        job.failures.clear(OUTSIDE)
        return
    more = f" So it is with {len(found) - 1} more of its names." if len(found) > 1 else ""
    job.failures.note(OUTSIDE, LeadsElsewhere(f"{found[0].message}{more}", hint=found[0].hint))


def _ask_the_ca(job: Job) -> None:
    """Hear when the CA would have its certificates renewed, where it is time to ask."""
    newest = (job.lineages.glance(one.lineage) for one in job.wants if _is_asked_about(job, one))
    job.agenda.look((one for one in newest if one and one.meta.source == job.source), job.ask_ca)


def _is_asked_about(job: Job, want: Wanted) -> bool:
    return job.mode.public and not want.internal


def _not_held_back(job: Job, due: dict[Wanted, str]) -> dict[Wanted, str]:
    """Leave out what failed lately and is to be tried again later."""
    return {one: why for one, why in due.items() if not job.failures.postponed(one.lineage)}


def _forget_what_is_not_due(job: Job, due: dict[Wanted, str]) -> None:
    """Forget failures of what was only forced, or due by a clock that was ahead, or is gone."""
    broken = {want.lineage for want in due}
    for failure in job.failures.all():
        if failure.subject not in broken and failure.subject not in SUBJECTS:
            job.failures.clear(failure.subject)


def _due_at(job: Job) -> datetime | None:
    """Return when there is something to do next: to renew, to ask, or to try again."""
    failures = {one.subject: one for one in job.failures.all()}
    moments = []
    for want in job.wants:
        certificate = job.lineages.glance(want.lineage)
        failure = failures.get(want.lineage)
        if failure and failure.retry_at:
            moments.append(failure.retry_at)
        elif certificate:
            moments.append(job.agenda.due_at(certificate))
        if certificate and _is_asked_about(job, want):
            moments.append(job.agenda.ask_at(certificate))
    return min(moments, default=None)


def _told(report: Report, due: dict[Wanted, str]) -> list[str]:
    reasons = {want.names: why for want, why in due.items()}

    def why(names: tuple[str, ...]) -> str:
        return reasons.get(names, "services have changed meanwhile")

    told = [f"New certificate for {', '.join(one)}: {why(one)}" for one in report.issued]
    told += [
        f"No new certificate for {', '.join(one.names)}, though {why(one.names)}: {one.message}"
        for one in report.failed
        if one.error != Busy.__name__
    ]
    return [*told, "The newest certificates were put in use"] if report.deployed else told
