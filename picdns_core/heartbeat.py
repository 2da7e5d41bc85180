"""When a cell is looked after: every five minutes, for years, beside whatever the host does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from msgspec import Struct

from picdns_core.errors import Busy, Cancelled, PicdnsError
from picdns_core.events import Ticked
from picdns_core.runner import Runner
from picdns_core.store.ticks import Task
from picdns_core.ticking import Ticker

_EVERY = timedelta(minutes=5)
_JITTER = 0.1  # of a pause, so that the cells of this world do not all come at once
_SLICE = 15.0  # seconds after which it is noticed that the host has slept
_JUMP = timedelta(minutes=5)
_FAREWELL = 0.15  # seconds that `stop` waits for what can end at once
_TASKS: tuple[Task, ...] = ("addresses", "certificates")
_chance = SystemRandom()
_log = logging.getLogger(__name__)


class Tick(Struct, frozen=True, kw_only=True):
    """What one look after the whole cell came to; None for what there was nothing to look after.

    Nothing is, before `up` and after `teardown`; addresses are not in modes that publish none.
    """

    addresses: Ticked | None
    certificates: Ticked | None


class Heartbeat:
    """Keeps a cell's addresses published and its certificates good, in two daemon threads.

    Neither thread waits for the other, and neither ends before `stop` or with the process; what
    fails is in `Runner.status()` and in events, and is tried again. Several may be started for
    one cell, in one process or many: one works, the others stand by to take over. To be started
    after a fork, not before.
    """

    def __init__(self, runner: Runner, heard: Callable[[Ticked], None] = lambda _: None) -> None:
        """Prepare; `heard` is told of each tick, in the thread that did it."""
        self._runner = runner
        self._heard = heard
        self._guard = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._workshop = runner.workshop.apart()
        self._ticker = Ticker(self._workshop)

    def start(self) -> None:
        """Begin with a look at once; a second call changes nothing."""
        with self._guard:
            if any(thread.is_alive() for thread in self._threads) and not self._ended.is_set():
                return
            if self._ended.is_set():
                self._workshop = self._runner.workshop.apart()
                self._ticker = Ticker(self._workshop)
            self._threads = [
                threading.Thread(
                    target=self._live,
                    args=(task, self._ticker, self._ended),
                    name=f"picdns-{task}",
                    daemon=True,
                )
                for task in _TASKS
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Make both threads end, and return at once; safe twice, and `start` begins anew.

        A request that is in flight ends by its timeout; what it was about goes on from the
        journal.
        """
        self._ended.set()
        deadline = time.monotonic() + _FAREWELL
        for thread in self._threads:
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def tick(self, now: datetime) -> Tick:
        """Look after the whole cell once, in this thread; for hosts with a schedule of their own.

        Reads no clock: all is decided by `now`, which is UTC. Raises what `Ticker.tick` does, once
        both tasks had their turn.
        """
        events: dict[Task, Ticked | None] = {}
        failure: PicdnsError | None = None
        for task in _TASKS:
            try:
                events[task] = self._ticker.tick(task, now, now + _EVERY)
            except PicdnsError as error:
                failure = failure or error
        self._tell(*events.values())
        if failure:
            raise failure
        return Tick(**events)

    @property
    def _ended(self) -> threading.Event:
        return self._workshop.cancel

    def _live(self, task: Task, ticker: Ticker, ended: threading.Event) -> None:
        """Do one task until the end, whatever happens; while another process does, stand by."""
        stood_by_for = ""
        while not ended.is_set():
            try:
                step = f"the heartbeat looks after {task}"
                with self._workshop.store().lock(f"heartbeat-{task}", step):
                    self._beat(task, ticker, ended)
            except Busy as other:
                if other.step != stood_by_for:
                    stood_by_for = other.step
                    _log.warning(
                        "standing by: %s",
                        other.step,
                        extra={"event": "standing_by", "task": task},
                    )
            except PicdnsError as error:
                _log.warning(
                    "the heartbeat cannot begin: %s",
                    error,
                    extra={"event": "heartbeat_not_begun", "task": task},
                )
            except (Exception, SystemExit):  # noqa: BLE001 - the heartbeat goes on
                _log.exception(
                    "the heartbeat failed; it begins anew",
                    extra={"event": "heartbeat_broke", "task": task},
                )
            _pause(_EVERY.total_seconds(), ended)

    def _beat(self, task: Task, ticker: Ticker, ended: threading.Event) -> None:
        """Tick at each time; after the host's clock was set, leave out what goes by the clock."""
        skew = _skew()
        while not ended.is_set():
            pause = _EVERY * (1 + _JITTER * (2 * _chance.random() - 1))
            jump, skew = _skew() - skew, _skew()
            if abs(jump) > _JUMP and task == "certificates":
                _log.warning(
                    "the clock was set by %s: certificates are looked at later",
                    jump,
                    extra={"event": "clock_set", "seconds": jump.total_seconds()},
                )
            else:
                self._tick(task, ticker, pause)
            _pause(pause.total_seconds(), ended)

    def _tell(self, *events: Ticked | None) -> None:
        with suppress(PicdnsError):
            self._runner.lookout.hear(*events)
        for event in filter(None, events):
            self._heard(event)

    def _tick(self, task: Task, ticker: Ticker, pause: timedelta) -> None:
        now = datetime.now(UTC)
        try:
            self._tell(ticker.tick(task, now, now + pause))
        except (Busy, Cancelled) as error:
            _log.info("%s", error, extra={"event": "tick_skipped", "task": task})
        except PicdnsError as error:
            _log.warning(
                "the heartbeat could not look after %s: %s",
                task,
                error,
                extra={"event": "tick_failed", "task": task, "error": type(error).__name__},
            )
        except (Exception, SystemExit):  # noqa: BLE001 - the heartbeat goes on
            _log.exception(
                "the heartbeat could not look after %s",
                task,
                extra={"event": "tick_broke", "task": task},
            )


def _pause(seconds: float, ended: threading.Event) -> None:
    """Wait, by a clock that goes on while the host sleeps."""
    until = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    while (left := until - time.clock_gettime(time.CLOCK_BOOTTIME)) > 0:
        if ended.wait(min(left, _SLICE)):
            return


def _skew() -> timedelta:
    """Return how far the clock is from the time since the start; only setting it moves that."""
    return timedelta(seconds=time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))
