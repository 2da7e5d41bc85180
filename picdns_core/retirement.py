"""Certificates that the cell does not want any more: kept for a day, then dropped with their keys.

A service is removed by mistake, a mode is tried for an hour: whatever is wanted again within the
day is taken back into use as it is, and no CA is asked.
"""

from contextlib import suppress
from datetime import timedelta

from picdns_core.errors import Busy
from picdns_core.job import Job
from picdns_core.store.retired import Marks, Retired

DAY = timedelta(days=1)
"""How long one is kept."""

_WITNESSED = timedelta(hours=1)  # more between two ticks may be a clock that was set


def look(job: Job) -> Marks:
    """Mark what is on disk and not wanted any more, unmark what is wanted again.

    Returns since when each of the former has not been wanted.
    """
    wanted, retired = {one.lineage for one in job.wants}, Retired(job.store)
    unwanted = job.lineages.known() - wanted
    if unwanted:
        unwanted -= set(job.journal.open_lineages())  # had just now, or rehearsed
    marked = retired.all()
    if marked.keys() == unwanted:
        return marked
    for lineage in marked.keys() & wanted:
        _take_back(job, retired, lineage)
    now = job.clock.now()
    return retired.change(
        lambda marks: {
            **{one: since for one, since in marks.items() if one not in wanted},
            **dict.fromkeys(unwanted - marks.keys(), now),
        }
    )


def drop(job: Job, *, ticking: bool = False) -> tuple[str, ...]:
    """Drop what has not been wanted for a day, and return which.

    With `ticking`, of the time since the last tick an hour counts at most: a clock that was set
    ends no day early. What a server may still read, what is being had, and what somebody is at,
    is left for later.
    """
    retired, now = Retired(job.store), job.clock.now()
    if not retired.all():
        return ()
    last = job.ticks.last("certificates") if ticking else None
    unseen = _unseen(now - last.seen) if last else timedelta(0)
    marks = retired.change(
        lambda marks: {one: min(since + unseen, now) for one, since in marks.items()}
    )
    old = sorted(one for one, since in marks.items() if now >= since + DAY)
    return tuple(one for one in old if _drop(job, retired, one))


def _unseen(apart: timedelta) -> timedelta:
    """Return how much of the time between two looks may be of a clock that was set."""
    if abs(apart) <= _WITNESSED:
        return timedelta(0)
    return apart - _WITNESSED if apart > timedelta(0) else apart


def _drop(job: Job, retired: Retired, lineage: str) -> bool:
    step = f"dropping {lineage}, which is not wanted any more"
    with (
        suppress(Busy),
        job.store.lock(f"lineage-{lineage}", step),
        job.store.lock("deploy", step),
    ):
        in_use = {one for one, _ in job.deployment.generations_in_use()}
        wanted_again = lineage not in retired.all()
        if wanted_again or lineage in in_use or job.journal.read(lineage):
            return False
        job.lineages.drop(lineage)
        job.agenda.drop(lineage)
        job.failures.clear(lineage)
        retired.forget(lineage)
        return True
    return False


def _take_back(job: Job, retired: Retired, lineage: str) -> None:
    """Unmark it with its lock held: whoever is dropping it has then done so, or will not."""
    with suppress(Busy), job.store.lock(f"lineage-{lineage}", "taking it back into use", wait=1):
        retired.forget(lineage)
