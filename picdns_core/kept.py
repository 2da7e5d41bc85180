"""What is kept from call to call, because making it anew each time would cost."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class Kept:
    """Loaded modes, connections to the CA, who serves which zone; used by many threads."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._known: dict[str, tuple[object, Any]] = {}

    def one(self, what: str, by: object, make: Callable[[], _T]) -> _T:
        """Return what was made for an equal `by`, or make it anew in place of the other."""
        with self._guard:
            if what not in self._known or self._known[what][0] != by:
                self._known[what] = by, make()
            found: _T = self._known[what][1]
            return found
