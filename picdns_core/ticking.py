"""One tick of the heartbeat: the cell looked after, what came of it kept and told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from picdns_core.clock import Clock
from picdns_core.errors import Busy, Cancelled, PicdnsError
from picdns_core.events import Ticked
from picdns_core.job import Job
from picdns_core.keeping import AddressKeeping, CertificateKeeping, Done
from picdns_core.store.failures import (
    ADDRESSES,
    CELL,
    CLOCK,
    CONFIG,
    FORMER,
    INSIDE,
    LEFTOVERS,
    OUTSIDE,
    SWITCH,
)
from picdns_core.store.published import PublishedAddresses
from picdns_core.store.ticks import LastTick, Task
from picdns_core.switching import Switching
from picdns_core.workshop import Workshop

_log = logging.getLogger(__name__)


class Ticker:
    """The ticks of one cell; used by two threads, one for each task."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._switching = Switching(workshop)
        self._keep: dict[Task, Callable[[Job], Done]] = {
            "addresses": AddressKeeping(workshop),
            "certificates": CertificateKeeping(workshop),
        }

    def tick(self, task: Task, now: datetime, next_at: datetime) -> Ticked | None:
        """Do one task; None when there is nothing to look after.

        Reads no clock. What fails is in the event and on disk; Busy, Cancelled and what keeps
        the cell from being opened at all are raised.
        """
        clock = Clock(now)
        obstacle = self._switching.settle_patiently(clock)
        job = self._workshop.open_in_force(clock)
        if job is None or (task == "addresses" and not job.mode.publishes_addresses):
            return None
        try:
            if obstacle and task == "certificates":
                done = Done((f"Certificates wait for a switch to be settled: {obstacle}",))
            else:
                done = self._keep[task](job)
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            done = Done((f"Not done: {error}",))
        except Exception as error:  # noqa: BLE001 - the heartbeat goes on
            _log.exception(
                "the heartbeat's task %s failed", task, extra={"event": "tick_broke", "task": task}
            )
            job.failures.note(_subjects(task)[0], _unforeseen(error))
            done = Done((f"Not done: {type(error).__name__}",))
        return self._conclude(job, task, done, now, next_at)

    def _conclude(
        self, job: Job, task: Task, done: Done, now: datetime, next_at: datetime
    ) -> Ticked:
        """Keep what came of it, and tell."""
        before, ended = job.ticks.last(task), job.clock.now()  # a later failure is news next time
        wanted = {*_subjects(task), *_lineages(job, task)}
        problems = tuple(one for one in job.failures.all() if one.subject in wanted)
        broken = {one.subject for one in problems}
        recovered = [
            one
            for one in (before.problems if before else ())
            if one.subject in wanted and one.subject not in broken
        ]
        seen, doubted_since = now, None
        if before and CLOCK in broken:
            seen, doubted_since = before.seen, before.doubted_since or now
        job.ticks.put(
            task,
            LastTick(
                at=ended,
                next_at=next_at,
                due_at=done.due_at,
                seen=seen,
                doubted_since=doubted_since,
                did=done.did,
                problems=problems,
                waiting=job.waiting,
            ),
        )
        published = PublishedAddresses(job.store).load(job.mode.name, job.cell.domain)
        newest = (job.lineages.glance(one.lineage) for one in job.wants)
        event = Ticked(
            cell=job.cell,
            at=ended,
            task=task,
            did=done.did,
            seconds=(ended - now).total_seconds(),
            previous_at=before.at if before else None,
            next_at=next_at,
            due_at=done.due_at,
            problems=problems,
            recovered=tuple(recovered),
            published=published.confirmed.addresses,
            published_at=published.confirmed_at,
            certificates={one.lineage: one.meta.not_after for one in newest if one},
            waiting=job.waiting,
        )
        self._workshop.announce.ticked(event)
        return event


def _subjects(task: Task) -> tuple[str, ...]:
    if task == "addresses":
        return (ADDRESSES,)
    return (CELL, CLOCK, CONFIG, FORMER, INSIDE, LEFTOVERS, OUTSIDE, SWITCH)


def _lineages(job: Job, task: Task) -> list[str]:
    return [one.lineage for one in job.wants] if task == "certificates" else []


def _unforeseen(error: Exception) -> PicdnsError:
    return PicdnsError(
        f"The heartbeat failed with {type(error).__name__}: {error}. What is served stays so.",
        hint="It tries again at its next tick. This is a bug of picdns: report it, with the log.",
    )
