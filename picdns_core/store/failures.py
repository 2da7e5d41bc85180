"""What failed last, by subject, so that a later process can still say it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from msgspec import Struct, field

from picdns_core.errors import Busy, Cancelled, PicdnsError
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_KEY = "failures.json"


class Failure(Struct, frozen=True, kw_only=True):
    """One error: what it is about, when it came last, and how often in a row."""

    subject: str
    at: datetime
    error: str
    message: str
    hint: str
    count: int = 1


class _Failures(Document, frozen=True, kw_only=True):
    failures: dict[str, Failure] = field(default_factory=dict)


class Failures:
    """The errors that no later success has made up for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, subject: str, error: PicdnsError) -> Failure:
        """Keep an error; it stays until `clear`."""
        with self._store.lock("cell", "noting a failure", wait=10):
            known = self._read()
            before = known.get(subject)
            failure = Failure(
                subject=subject,
                at=datetime.now(UTC),
                error=type(error).__name__,
                message=error.message,
                hint=error.hint,
                count=before.count + 1 if before else 1,
            )
            self._write(known | {subject: failure})
        return failure

    @contextmanager
    def remembered(self, subject: str) -> Iterator[None]:
        """Keep an error that passes through as the subject's, until the same thing succeeds."""
        try:
            yield
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            with suppress(PicdnsError):  # a full disk is the error, not that it cannot be noted
                self.note(subject, error)
            raise
        self.clear(subject)

    def clear(self, *subjects: str) -> None:
        """Forget the errors of subjects that have succeeded since."""
        if not self._read().keys() & set(subjects):
            return
        with self._store.lock("cell", "clearing a failure", wait=10):
            known = self._read()
            self._write({key: known[key] for key in known if key not in subjects})

    def last(self) -> Failure | None:
        return max(self._read().values(), key=lambda failure: failure.at, default=None)

    def _read(self) -> dict[str, Failure]:
        found = load(self._store, _KEY, _Failures)
        return found.failures if found else {}

    def _write(self, failures: dict[str, Failure]) -> None:
        save(self._store, _KEY, _Failures(failures=failures))
