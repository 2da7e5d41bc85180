"""What is known of the cell between two looks: in memory, and for other processes in the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from picdns_core.clock import Clock
from picdns_core.errors import PicdnsError, StoreError
from picdns_core.workshop import Workshop

if TYPE_CHECKING:
    from picdns_core.events import Ticked
    from picdns_core.status import Status

_FRESH = 3600.0  # seconds for which a look at what is served is good enough while nothing happens
_log = logging.getLogger(__name__)


class Lookout:
    """Keeps the last look at the cell; whichever process looked, all of them know."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._status: Status | None = None
        self._stamps: tuple[int | None, ...] = ()
        self._looked = float("-inf")

    def status(self) -> Status:
        """Return the last look; looks only when there was none yet. Waits for no lock."""
        try:
            stamps = self._stamps_now()
            if self._status is None or None in stamps or stamps != self._stamps:
                self._status = self._kept() or self.refresh()
                self._stamps = stamps
        except PicdnsError:  # the config or the store is not there just now
            if self._status is None:
                raise
        return self._status

    def refresh(self) -> Status:
        """Look at the store, and at what Caddy and CoreDNS answer, and tell other processes."""
        from picdns_core.status import keep, look

        job = self._workshop.open_in_force(Clock.of_host()) or self._workshop.open()
        self._status = look(job)
        self._looked = time.monotonic()
        try:
            keep(job.store, self._status)
        except StoreError as error:  # as when somebody else than the host asks
            _log.debug("the look is not kept: %s", error, extra={"event": "look_not_kept"})
        return self._status

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Look again afterwards if anybody has asked how the cell is: `status` never waits."""
        try:
            yield
        finally:
            with suppress(PicdnsError):
                if self._known():
                    self.refresh()

    def hear(self, *events: Ticked | None) -> None:
        """Hear from the heartbeat that it has looked after the cell."""
        seen = [one for one in events if one]
        if not seen or not self._known():
            return
        news = any(one.did or one.problems or one.recovered for one in seen)
        if news or time.monotonic() - self._looked > _FRESH:
            self.refresh()

    def _stamps_now(self) -> tuple[int | None, ...]:
        store = self._workshop.store()
        return store.stamp("looks"), store.stamp("schedule")

    def _known(self) -> Status | None:
        """Return the last look if there was any, here or in another process."""
        return self._status or self._kept()

    def _kept(self) -> Status | None:
        from picdns_core.status import kept

        return kept(self._workshop.store())
