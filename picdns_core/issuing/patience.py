"""Waiting for a CA: from milliseconds on, ever longer, never for ever."""

import threading
import time

from picdns_core.errors import Cancelled, ProviderUnavailable

_FIRST, _LONGEST, _GROWTH = 0.005, 5.0, 1.7


class Patience:
    """Pauses between polls; a Retry-After wins, the deadline and the host's stop end it."""

    def __init__(self, seconds: float, cancel: threading.Event, waiting_for: str) -> None:
        self._deadline = time.monotonic() + seconds
        self._cancel = cancel
        self._waiting_for = waiting_for
        self._pause = _FIRST

    def wait(self, retry_after: float | None) -> None:
        """Pause once; ProviderUnavailable when the deadline would pass, Cancelled on stop."""
        pause = self._pause if retry_after is None else max(retry_after, _FIRST)
        self._pause = min(self._pause * _GROWTH, _LONGEST)
        if time.monotonic() + pause > self._deadline:
            raise ProviderUnavailable(
                f"The CA has not finished {self._waiting_for} in time. What is served stays so.",
                hint="Run it again later: the order is kept and goes on from here.",
            )
        if self._cancel.wait(pause):
            raise Cancelled(
                f"Stopped while {self._waiting_for}. What is served stays so.",
                hint="The order is kept and goes on next time.",
            )
