"""Several name servers asked at the same time, so that one that is silent holds up nobody."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from picdns_core.errors import Cancelled
from picdns_core.lookup.wire import NoAnswer

T = TypeVar("T")

_SLICE = 0.05  # seconds until a stop is noticed


class Crowd(Generic[T]):
    """Calls that run side by side, each for somebody; what they return comes in as it may."""

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel
        self._results: SimpleQueue[tuple[str, T | Exception]] = SimpleQueue()
        self.running: set[str] = set()
        """For whom a call has not come back."""

    def start(self, who: str, call: Callable[[], T]) -> None:
        """Run a call, which is bounded in time by itself: nobody waits for it at the end."""
        self.running.add(who)
        threading.Thread(
            target=self._run, args=(who, call), name=f"picdns-lookup-{who}", daemon=True
        ).start()

    def next(self, patience: float) -> tuple[str, T | NoAnswer] | None:
        """Return who came back, and with what; None when nobody does for `patience` seconds.

        Raises Cancelled when the host asks to stop, and what a call raised except NoAnswer.
        """
        deadline = time.monotonic() + patience
        while self.running:
            check(self._cancel)
            left = deadline - time.monotonic()
            try:
                who, result = self._results.get(timeout=max(0.0, min(left, _SLICE)))
            except Empty:
                if left <= 0:
                    return None
                continue
            self.running.discard(who)
            if isinstance(result, Exception) and not isinstance(result, NoAnswer):
                raise result
            return who, result
        return None

    def _run(self, who: str, call: Callable[[], T]) -> None:
        try:
            self._results.put((who, call()))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._results.put((who, error))


def check(cancel: threading.Event) -> None:
    """Raise Cancelled when the host asks to stop."""
    if cancel.is_set():
        raise Cancelled(
            "Stopped while looking at public DNS. What is served stays so.",
            hint="It goes on next time.",
        )
