"""What the heartbeat did last, so that other processes can say it."""

import logging
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from picdns_core.errors import DamagedState
from picdns_core.model import Failure, Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

Task = Literal["addresses", "certificates"]
_log = logging.getLogger(__name__)


class LastTick(Document, frozen=True, kw_only=True):
    """One task's last tick.

    `seen` is the latest time that this cell has believed; a clock that is behind it is wrong, or
    was wrong then. `doubted_since` is the first time that was not believed. `waiting` says what
    the config asks for that nobody has done yet.
    """

    at: Moment
    next_at: Moment
    due_at: Moment | None = None
    seen: Moment
    doubted_since: Moment | None = None
    did: tuple[str, ...] = ()
    problems: tuple[Failure, ...] = ()
    waiting: str | None = None


class Ticks:
    """The last tick of each task, a file each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self, task: Task) -> LastTick | None:
        """Return the last one, None when there was none or its file is damaged."""
        try:
            return load(self._store, _key(task), LastTick)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "ticks_damaged"})
            return None

    def put(self, task: Task, tick: LastTick) -> None:
        """Keep what a tick came to."""
        save(self._store, _key(task), tick)

    def believe(self, now: datetime) -> None:
        """Take the time for right, even where it is behind what was believed before."""
        last = self.last("certificates")
        if last and last.seen > now:
            self.put("certificates", replace(last, seen=now))


def _key(task: Task) -> str:
    return f"schedule/tick-{task}.json"
