"""Questions asked side by side, of which none holds up the others for long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """A moment until which answers are awaited."""

    def __init__(self, patience: float) -> None:
        self._at = time.monotonic() + patience

    def await_(self, answer: "Future[T]") -> T | None:
        """Return an answer, None when it is not there in time; raises what the call raised."""
        try:
            return answer.result(max(0.0, self._at - time.monotonic()))
        except TimeoutError:
            if answer.done():
                raise
            return None


def ask(call: Callable[[], T]) -> "Future[T]":
    """Begin a call in a thread that ends no later than the process."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            answer.set_exception(error)

    threading.Thread(target=run, name="picdns-explain", daemon=True).start()
    return answer
