"""Work that no request waits for: done by one thread a process, known to all processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from secrets import token_urlsafe
from typing import Any

import msgspec
from msgspec.structs import replace

from picdns_core.clock import Clock
from picdns_core.errors import Busy, PicdnsError, RateLimited
from picdns_core.model import Step
from picdns_core.runner import Runner
from picdns_core.store import Store
from picdns_core.store.jobs import JobRecord, JobRecords, Kind, StepTaken
from picdns_core.web import problems

Work = Callable[[Runner], Any]
"""What a job does with a Runner of its own."""

_WORKERS = 64  # processes that can have jobs at a time
_MOST_WAITING = 20
_MOST_STEPS = 500
_LOOK = 0.25  # seconds between two looks at a job that is being watched
_SILENCE = 15.0  # seconds after which who watches hears that we are still there
_ENDED = {
    "type": "urn:picdns:problem:WorkerEnded",
    "title": "Internal Server Error",
    "status": 500,
    "detail": "The process that did it has ended. What it was about is finished or undone by the "
    "heartbeat; what is served stays so.",
    "hint": "Look at the state of the cell, then ask for it again.",
}
_log = logging.getLogger(__name__)


class Jobs:
    """Takes jobs on and does them one after the other; any process says how they are.

    A process holds a lock of its own while it lives, so that others notice when it has ended.
    """

    def __init__(self, runner: Runner) -> None:
        """Prepare; nothing is read and no thread started before the first job."""
        self._runner = runner
        self._guard = threading.Lock()
        self._queue: SimpleQueue[tuple[JobRecord, Work] | None] = SimpleQueue()
        self._held = ExitStack()
        self._worker: str | None = None
        self._thread: threading.Thread | None = None
        self._current: Runner | None = None
        self._closing = threading.Event()

    def take(self, kind: Kind, work: Work, about: str = "") -> JobRecord:
        """Take a job on, unless it is under way already: then that one is returned.

        Busy when another switch is under way; RateLimited when too many wait.
        """
        with self._guard:
            self._begin()
            with self._store.lock("jobs", "taking on a job", wait=10):
                waiting = self.unfinished()
                for one in waiting:
                    if one.kind == kind == "switch":
                        raise Busy(f"a switch is under way (job {one.id})")
                    if one.kind == kind and one.about in {"", about}:
                        return one
                if len(waiting) >= _MOST_WAITING:
                    raise RateLimited("Too many jobs are waiting already.", retry_after=60)
                self._records.tidy()
                record = self._records.write(
                    JobRecord(
                        id=token_urlsafe(16),
                        kind=kind,
                        about=about,
                        worker=self._worker or "",
                        created_at=Clock.of_host().now(),
                    )
                )
            self._queue.put((record, work))
        return record

    def read(self, job_id: str) -> JobRecord | None:
        """Return a job, as failed when the process that did it has ended."""
        record = self._records.read(job_id)
        return self._unless_dead(record) if record else None

    def unfinished(self) -> list[JobRecord]:
        """Return those that wait or are being done, in any process, the oldest first."""
        found = [self._unless_dead(one) for one in self._records.all() if one.is_open]
        return [one for one in found if one.is_open]

    def watch(self, job_id: str, after: int, seconds: float) -> Iterator[JobRecord]:
        """Yield a job each time it has taken more than `after` steps, until it ends or for so long.

        Every few seconds it is yielded without news, too.
        """
        waits = 0
        for _ in range(int(seconds / _LOOK)):
            record = self.read(job_id)
            if record is None:
                return
            waits += 1
            if len(record.steps) > after or not record.is_open or waits * _LOOK > _SILENCE:
                yield record
                after, waits = len(record.steps), 0
            if not record.is_open or self._closing.wait(_LOOK):
                return

    def close(self) -> None:
        """End what is under way here, with Cancelled, and its thread."""
        self._closing.set()
        with self._guard:
            if self._thread is None:
                return
            self._queue.put(None)
            if current := self._current:
                current.stop()
            self._thread.join(30)
            self._thread = None
            self._held.close()

    @property
    def _store(self) -> Store:
        return self._runner.workshop.store()

    @property
    def _records(self) -> JobRecords:
        return JobRecords(self._store, Clock.of_host())

    def _begin(self) -> None:
        """Take a worker's lock and start the thread, at the first job."""
        if self._thread:
            return
        for number in range(_WORKERS):
            name = f"worker-{number}"
            with suppress(Busy):
                self._held.enter_context(self._store.lock(name, "doing jobs of the web page"))
                self._worker = name
                break
        else:
            raise Busy("doing jobs in too many processes")
        for one in self._records.all():  # of one who had this lock before
            if one.is_open and one.worker == self._worker:
                self._end(one, problem=_ENDED)
        self._thread = threading.Thread(target=self._work, name="picdns-jobs", daemon=True)
        self._thread.start()

    def _unless_dead(self, record: JobRecord) -> JobRecord:
        """Report a job as failed whose process is gone: its lock is free."""
        if not record.is_open or record.worker == self._worker:
            return record
        try:
            with self._store.lock(record.worker, "looking whether a worker is there"):
                now = self._records.read(record.id)
                if now is None or not now.is_open:
                    return now or record
                return self._end(now, problem=_ENDED)
        except Busy:
            return record

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            if self._closing.is_set():
                self._end(task[0], problem=_ENDED)
                continue
            try:
                self._do(*task)
            except Exception:  # noqa: BLE001 - the next job is to be done
                _log.exception("a job could not be kept", extra={"event": "job_not_kept"})

    def _do(self, record: JobRecord, work: Work) -> None:
        """Do it, each step on disk as it begins."""
        running = _Running(self._records, record)
        self._current = self._runner.beside(running.step)
        try:
            result = msgspec.to_builtins(work(self._current), enc_hook=str)
        except PicdnsError as error:
            self._end(running.record, problem=problems.describe(error))
        except Exception:  # noqa: BLE001 - said in the job
            _log.exception("a job failed", extra={"event": "job_failed", "job": record.id})
            self._end(running.record, problem=problems.unforeseen())
        else:
            self._end(running.record, result=result)
        finally:
            self._current = None

    def _end(
        self, record: JobRecord, *, result: Any = None, problem: dict[str, Any] | None = None
    ) -> JobRecord:
        return self._records.write(
            replace(
                record,
                state="failed" if problem else "done",
                ended_at=Clock.of_host().now(),
                result=result,
                problem=problem,
            )
        )


class _Running:
    """A job that is being done; steps come from many threads."""

    def __init__(self, records: JobRecords, record: JobRecord) -> None:
        self._records = records
        self._guard = threading.Lock()
        now = Clock.of_host().now()
        self.record = records.write(replace(record, state="running", started_at=now))

    def step(self, step: Step) -> None:
        now = Clock.of_host().now()
        with self._guard, suppress(PicdnsError):  # the work itself goes on without
            if len(self.record.steps) < _MOST_STEPS:
                taken = StepTaken(at=now, text=step.text, name=step.name)
                self.record = replace(self.record, steps=(*self.record.steps, taken))
                self._records.write(self.record)
