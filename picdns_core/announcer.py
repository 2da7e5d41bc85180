"""Tells observers what happened to a cell, once it is so."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from picdns_core.errors import PicdnsError
from picdns_core.events import (
    CertFailed,
    CertIssued,
    Event,
    IpChanged,
    ModeChanged,
    Registered,
    Ticked,
)
from picdns_core.logs import log
from picdns_core.model import Addresses, Cell, Registration
from picdns_core.observers import Observers
from picdns_core.store import Certificate
from picdns_core.wanted import Wanted


class Announcer:
    """Makes events of what the Runner did; observers are loaded when there is a first one.

    To be used with no lock held: an observer may take its time, or call back.
    """

    def __init__(self, own: Callable[[], Iterable[object]] = tuple) -> None:
        """Take who of our own hears events; asked at each, since the config may change."""
        self._own = own
        self._guard = threading.Lock()
        self._observers: Observers | None = None

    def configure(self, own: Callable[[], Iterable[object]]) -> None:
        """Let these observers of our own hear what comes from now on, as a new config asks."""
        self._own = own

    def registered(self, cell: Cell, at: datetime, registration: Registration) -> None:
        self._tell(Registered(cell=cell, at=at, registration=registration))

    def issued(self, cell: Cell, at: datetime, certificate: Certificate) -> None:
        meta = certificate.meta
        self._tell(
            CertIssued(
                cell=cell,
                at=at,
                lineage=certificate.lineage,
                names=meta.names,
                issuer=meta.issuer,
                serial=meta.serial,
                not_after=meta.not_after,
                files=certificate.files,
            )
        )

    def failed(
        self, cell: Cell, at: datetime, want: Wanted, error: PicdnsError, retry_at: datetime
    ) -> None:
        self._tell(
            CertFailed(
                cell=cell,
                at=at,
                lineage=want.lineage,
                names=want.names,
                error=error.message,
                hint=error.hint,
                retry_at=retry_at,
            )
        )

    def ticked(self, event: Ticked) -> None:
        self._tell(event)

    def mode_changed(self, cell: Cell, at: datetime, previous: Cell) -> None:
        self._tell(
            ModeChanged(
                cell=cell, at=at, previous_mode=previous.mode, previous_domain=previous.domain
            )
        )

    def ip_changed(
        self, cell: Cell, at: datetime, addresses: Addresses, previous: Addresses
    ) -> None:
        self._tell(IpChanged(cell=cell, at=at, addresses=addresses, previous=previous))

    def _tell(self, event: Event) -> None:
        log(event)
        with self._guard:
            self._observers = self._observers or Observers(self._ours)
        self._observers.tell(event)

    def _ours(self) -> Iterable[object]:
        return self._own()


class Silent(Announcer):
    """Tells nobody, of what may yet be undone."""

    def _tell(self, event: Event) -> None:
        pass
