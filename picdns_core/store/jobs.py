"""What requests have asked for that takes long: each with its steps, and what came of it."""

import logging
import re
from datetime import timedelta
from typing import Any, Literal

from msgspec import Struct

from picdns_core.clock import Clock
from picdns_core.errors import DamagedState
from picdns_core.model import Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

Kind = Literal["renew", "switch", "register"]

_FOLDER = "jobs"
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_MOST, _OLDEST = 50, timedelta(days=7)
_log = logging.getLogger(__name__)


class StepTaken(Struct, frozen=True, kw_only=True):
    """A step as it began."""

    at: Moment
    text: str
    name: str = ""


class JobRecord(Document, frozen=True, kw_only=True):
    """One job: `about` is the name it is limited to, `worker` the lock of the process that does it.

    `result` is what the Runner returned, `problem` an RFC 9457 object; each only at the end.
    """

    id: str
    kind: Kind
    about: str = ""
    worker: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    created_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    steps: tuple[StepTaken, ...] = ()
    result: Any = None
    problem: dict[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        return self.state in {"waiting", "running"}


class JobRecords:
    """The jobs of all processes; the last ones are kept, for a week."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def read(self, job_id: str) -> JobRecord | None:
        """Return one, None when there is none of that id, or it is damaged."""
        if not _ID.fullmatch(job_id):
            return None
        try:
            return load(self._store, _key(job_id), JobRecord)
        except DamagedState as error:
            _log.warning("a job is forgotten: %s", error, extra={"event": "job_damaged"})
            return None

    def write(self, record: JobRecord) -> JobRecord:
        save(self._store, _key(record.id), record)
        return record

    def all(self) -> list[JobRecord]:
        """Return all there are, the oldest first."""
        ids = (key.rpartition("/")[2].removesuffix(".json") for key in self._store.keys(_FOLDER))
        found = (self.read(one) for one in ids)
        return sorted((one for one in found if one), key=lambda one: one.created_at)

    def tidy(self) -> None:
        """Forget what ended long ago, or before many others."""
        ended = [one for one in self.all() if not one.is_open]
        old = self._clock.now() - _OLDEST
        for place, one in enumerate(reversed(ended)):
            if place >= _MOST or one.created_at < old:
                self._store.delete(_key(one.id))


def _key(job_id: str) -> str:
    return f"{_FOLDER}/{job_id}.json"
