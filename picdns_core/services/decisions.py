"""What a change of the services comes to, and why, in words and fields."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from picdns_core import retirement
from picdns_core.job import Job
from picdns_core.model import Cell, Problem, Report, Service
from picdns_core.store import Certificate
from picdns_core.store.retired import Marks
from picdns_core.wanted import Wanted


class Decision(Struct, frozen=True, kw_only=True):
    """What became of a service, or of a certificate, and why.

    `subject` is the service's name or the certificate's lineage, `names` are the DNS names of it.
    """

    subject: str
    names: tuple[str, ...]
    action: Literal["added", "changed", "removed", "issued", "failed", "kept", "reused", "retired"]
    why: str


class ServicesChanged(Struct, frozen=True, kw_only=True):
    """What a change of the services did; when nothing had to be done, nothing was written.

    `added`, `changed` (another upstream) and `removed` are names of services, `services` and
    `certificates` what was decided about each. `waiting` says what is left to `up`. `unfinished`
    is why the servers have not got it yet; the heartbeat and `up` try again.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    services: tuple[Decision, ...]
    certificates: tuple[Decision, ...] = ()
    report: Report = Report()
    waiting: str | None = None
    unfinished: Problem | None = None


def compared(before: tuple[Service, ...], cell: Cell) -> ServicesChanged:
    """Say what comes, what goes, and what is forwarded elsewhere."""
    old = {one.name: one.upstream for one in before}
    new = {one.name: one.upstream for one in cell.services}
    added = tuple(name for name in new if name not in old)
    changed = tuple(name for name in new if name in old and new[name] != old[name])
    removed = tuple(name for name in old if name not in new)
    decisions: list[tuple[str, Literal["added", "changed", "removed"], str]] = [
        *((name, "added", f"its names lead to {new[name]}") for name in added),
        *((name, "changed", f"{new[name]} takes the place of {old[name]}") for name in changed),
        *((name, "removed", "its names lead nowhere any more") for name in removed),
    ]
    return ServicesChanged(
        added=added,
        changed=changed,
        removed=removed,
        services=tuple(
            Decision(
                subject=name,
                names=(f"{name}.{cell.domain}", f"{name}.cell"),
                action=action,
                why=why,
            )
            for name, action, why in decisions
        ),
    )


def decided(
    job: Job, want: Wanted, had: Certificate | None, due: Mapping[Wanted, str], retired: Marks
) -> Decision:
    """Say what became of a certificate that is wanted."""
    have, failure = job.lineages.newest(want.lineage), job.failures.get(want.lineage)
    action: Literal["issued", "failed", "reused", "kept"]
    if have and (had is None or had.meta.serial != have.meta.serial):
        action, why = "issued", due.get(want, "services have changed meanwhile")
    elif want in due or have is None:
        action, why = "failed", f"{due.get(want, 'there is none yet')}, and it could not be had"
        if failure and failure.retry_at:
            why += f"; tried again from {failure.retry_at:%Y-%m-%d %H:%M} UTC on"
    elif want.lineage in retired:
        action, why = "reused", "it was kept when its service went, so no CA was asked"
    elif job.mode.wildcard and not want.internal:
        action, why = "kept", "its wildcard covers every service, so no CA was asked"
    else:
        action, why = "kept", "its names are the same"
    return Decision(subject=want.lineage, names=want.names, action=action, why=why)


def retired_of(were: list[Wanted], marks: Marks) -> list[Decision]:
    """Say what becomes of the certificates of services that went."""
    return [
        Decision(
            subject=one.lineage,
            names=one.names,
            action="retired",
            why="no service needs it; it is kept until "
            f"{marks[one.lineage] + retirement.DAY:%Y-%m-%d %H:%M} UTC",
        )
        for one in were
        if one.lineage in marks
    ]
