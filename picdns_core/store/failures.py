"""What failed last, by subject, so that a later process can still say it."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec import field

from picdns_core.backoff import LONGEST, retry_at
from picdns_core.clock import Clock
from picdns_core.errors import Busy, Cancelled, DamagedState, PicdnsError
from picdns_core.model import Failure
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

CELL = "cell"
"""The subject of what concerns the whole cell, and no single lineage."""

FORMER = "former"
"""The subject of names that a cell had before and could not give back."""

ADDRESSES = "addresses"
"""The subject of publishing the public addresses."""

CLOCK = "clock"
"""The subject of a clock that is wrong, and of all that is not decided by it."""

CONFIG = "config"
"""The subject of a config that the heartbeat cannot read."""

INSIDE = "inside"
"""The subject of what CoreDNS answers inside the VPN."""

LEFTOVERS = "leftovers"
"""The subject of TXT values that are still in public DNS."""

OUTSIDE = "outside"
"""The subject of names that others publish, and that lead elsewhere."""

SWITCH = "switch"
"""The subject of a switch that was begun, and is neither done nor undone."""

SUBJECTS = frozenset({ADDRESSES, CELL, CLOCK, CONFIG, FORMER, INSIDE, LEFTOVERS, OUTSIDE, SWITCH})
"""All that are no lineages."""

_KEY = "failures.json"
_SET_BACK = timedelta(hours=1)  # that a clock may be, without what it noted being void
_log = logging.getLogger(__name__)


class _Failures(Document, frozen=True, kw_only=True):
    failures: dict[str, Failure] = field(default_factory=dict)


class Failures:
    """The errors that no later success has made up for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._noted: PicdnsError | None = None

    def note(self, subject: str, error: PicdnsError, retry_at: datetime | None = None) -> None:
        """Keep an error; it stays until `clear`."""
        self._noted = error

        def change(known: dict[str, Failure]) -> dict[str, Failure]:
            before, now = known.get(subject), self._clock.now()
            same = before and before.error == type(error).__name__
            failure = Failure(
                subject=subject,
                since=min(before.since, now) if before and same else now,
                at=now,
                error=type(error).__name__,
                message=error.message,
                hint=error.hint,
                count=before.count + 1 if before else 1,
                retry_at=retry_at,
            )
            return known | {subject: failure}

        before = self._change(change).get(subject)
        again = retry_at.isoformat() if retry_at else None
        if again or before is None or before.error != type(error).__name__:
            _log.warning(
                "%s: %s%s",
                subject,
                error,
                f" It is tried again at {again}." if again else "",
                extra={
                    "event": "failed",
                    "subject": subject,
                    "error": type(error).__name__,
                    "retry_at": again,
                },
            )

    def postpone(
        self, subject: str, error: PicdnsError, *, longest: timedelta = LONGEST
    ) -> datetime:
        """Keep an error, and return when to try again: later each time, `longest` at most."""
        before = self.get(subject)
        again = retry_at(error, before.count if before else 0, self._clock.now(), longest=longest)
        self.note(subject, error, again)
        return again

    def postponed(self, subject: str) -> datetime | None:
        """Return until when something is not to be tried again; None when it may be.

        What failed while the clock was ahead holds nothing back.
        """
        known, now = self.get(subject), self._clock.now()
        if known is None or known.retry_at is None or known.at > now + _SET_BACK:
            return None
        return known.retry_at if known.retry_at > now else None

    def clear(self, subject: str) -> None:
        """Forget the error of what has succeeded since."""
        before = self._change(lambda known: {key: known[key] for key in known if key != subject})
        if subject in before:
            _log.info("%s is well again", subject, extra={"event": "recovered", "subject": subject})

    def settle(self, subject: str, error: PicdnsError | None) -> None:
        """Keep an error where there is one, else forget the one before."""
        if error:
            self.note(subject, error)
        else:
            self.clear(subject)

    @contextmanager
    def remembered(self, subject: str) -> Iterator[None]:
        """Keep an error that passes through as the subject's, until the same thing succeeds.

        One that was kept last is that of another subject, and not kept twice.
        """
        try:
            yield
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            if error is not self._noted:
                self.note(subject, error)
            raise
        self.clear(subject)

    def get(self, subject: str) -> Failure | None:
        return self._read().get(subject)

    def all(self) -> tuple[Failure, ...]:
        """Return every failure there is, the oldest first."""
        return tuple(sorted(self._read().values(), key=lambda failure: failure.since))

    def last(self, subjects: Iterable[str]) -> Failure | None:
        """Return the latest failure of these subjects; others are nobody's concern any more."""
        known = self._read()
        found = (known[subject] for subject in subjects if subject in known)
        return max(found, key=lambda failure: failure.at, default=None)

    def _change(
        self, change: Callable[[dict[str, Failure]], dict[str, Failure]]
    ) -> dict[str, Failure]:
        """Change what is kept, and return what was; a failure of this is only logged.

        The work itself was done.
        """
        known: dict[str, Failure] = {}
        try:
            if change(known := self._read()) == known:
                return known
            with self._store.lock("cell", "noting what failed", wait=10):
                known = self._read()
                save(self._store, _KEY, _Failures(failures=change(known)))
        except PicdnsError as error:
            _log.warning("what failed is not noted: %s", error, extra={"event": "failure_not_kept"})
            return {}
        return known

    def _read(self) -> dict[str, Failure]:
        try:
            found = load(self._store, _KEY, _Failures)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "failures_damaged"})
            return {}
        return found.failures if found else {}
