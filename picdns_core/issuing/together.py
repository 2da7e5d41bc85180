"""Changes that many threads make to one document: one durable write for all who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """The changes of the threads of one process, made in the order in which they came."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: list[_Change[T]] = []

    def change(self, change: Callable[[T], T], keep: Callable[[Callable[[T], T]], None]) -> None:
        """Return once `change` is kept; raise what it raised, and then it changed nothing.

        `keep` is called by the thread whose turn it is, with what makes the changes of all who
        wait by then. What it raises is that thread's alone; the others try anew.
        """
        mine = _Change(change)
        self._waiting.append(mine)
        with self._turn:
            if mine in self._waiting:  # else it was kept with another thread's
                self._keep_all(mine, keep)
        if mine.error:
            raise mine.error

    def _keep_all(self, mine: _Change[T], keep: Callable[[Callable[[T], T]], None]) -> None:
        made: list[_Change[T]] = []

        def make(document: T) -> T:
            made.extend(self._waiting)
            for one in made:
                document = one.made(document)
            return document

        try:
            keep(make)
        except BaseException:
            self._waiting.remove(mine)
            raise
        del self._waiting[: len(made)]


class _Change(Generic[T]):
    def __init__(self, change: Callable[[T], T]) -> None:
        self._change = change
        self.error: Exception | None = None

    def made(self, document: T) -> T:
        """Return the document as it is then: as it was, where the change raises."""
        self.error = None
        try:
            return self._change(document)
        except Exception as error:  # noqa: BLE001 - raised in the thread whose change it is
            self.error = error
            return document
