"""Which failures are news at a tick: it follows from the event alone, so no restart changes it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from picdns_core.events import Ticked
from picdns_core.model import Failure

_DAY = timedelta(days=1)


def begun(event: Ticked) -> Iterator[Failure]:
    """Yield what has begun to fail since the tick before."""
    before = _before(event)
    return (one for one in event.problems if _days(before, one) < 0 <= _days(event.at, one))


def to_tell(event: Ticked) -> Iterator[Failure]:
    """Yield what has begun to fail since the tick before, or is broken for one more day."""
    before = _before(event)
    return (one for one in event.problems if _days(before, one) < _days(event.at, one))


def _before(event: Ticked) -> datetime | None:
    """Return when the tick before was; None after the clock was set back: better told twice."""
    if event.previous_at is None or event.previous_at > event.at:
        return None
    return event.previous_at


def _days(moment: datetime | None, failure: Failure) -> int:
    """Count the whole days for which it had failed by then; -1 before it began."""
    return -1 if moment is None else max(-1, (moment - failure.since) // _DAY)
