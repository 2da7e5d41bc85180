"""The time of one run."""

import time
from datetime import UTC, datetime, timedelta
from typing import Self


class Clock:
    """Goes on from a given moment, whatever happens to the host's own clock meanwhile.

    Time that the host sleeps counts.
    """

    def __init__(self, began: datetime) -> None:
        """Begin; ValueError when the moment has no time zone."""
        if began.tzinfo is None:
            raise ValueError("a time without its zone; use datetime.now(UTC)")
        self._began = began
        self._mark = _passed()

    @classmethod
    def of_host(cls) -> Self:
        """Go on from what the host takes the time to be."""
        return cls(datetime.now(UTC))

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._began + timedelta(seconds=_passed() - self._mark)


def _passed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
