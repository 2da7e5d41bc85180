"""What happened to the cell lately, in words, so that a later process can still say it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from msgspec import Struct

from picdns_core.errors import DamagedState
from picdns_core.events import (
    CertFailed,
    CertIssued,
    Event,
    IpChanged,
    ModeChanged,
    Registered,
    Ticked,
)
from picdns_core.model import Addresses, Moment
from picdns_core.observing.news import begun
from picdns_core.store import Document, Store, load, save

_KEY = "history.json"
_MOST = 50
_log = logging.getLogger(__name__)


class Happening(Struct, frozen=True, kw_only=True):
    """Something that happened: `event` is the hook that observers hear of it by."""

    at: Moment
    event: str
    text: str


class _History(Document, frozen=True, kw_only=True):
    """The newest last."""

    happenings: tuple[Happening, ...] = ()


class History:
    """Keeps the last fifty; an observer of ours, which hears what all of them hear."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self, most: int) -> tuple[Happening, ...]:
        """Return what happened last, the newest first."""
        return self._read()[::-1][:most]

    def registered(self, event: Registered) -> None:
        self._add(event, "registered", [f"{event.registration.domain} is registered"])

    def ip_changed(self, event: IpChanged) -> None:
        self._add(event, "ip_changed", [f"Published {_listed(event.addresses)}"])

    def cert_issued(self, event: CertIssued) -> None:
        until = f"until {event.not_after:%Y-%m-%d}, by {event.issuer}"
        self._add(event, "cert_issued", [f"New certificate for {', '.join(event.names)}, {until}"])

    def cert_failed(self, event: CertFailed) -> None:
        self._add(event, "cert_failed", [f"No certificate for {event.names[0]}: {event.error}"])

    def mode_changed(self, event: ModeChanged) -> None:
        before = f"{event.previous_domain} in mode {event.previous_mode}"
        now = f"{event.cell.domain} in mode {event.cell.mode}"
        self._add(event, "mode_changed", [f"From {before} to {now}"])

    def ticked(self, event: Ticked) -> None:
        """Keep what broke and what is well again; most ticks bring nothing."""
        news = [f"Broken: {one.message}" for one in begun(event)]
        news += [f"Well again: {one.subject}" for one in event.recovered]
        self._add(event, "ticked", news)

    def _add(self, event: Event, kind: str, texts: Iterable[str]) -> None:
        new = tuple(Happening(at=event.at, event=kind, text=text) for text in texts)
        if not new:
            return
        with self._store.lock("cell", "noting what happened", wait=10):
            save(self._store, _KEY, _History(happenings=(*self._read(), *new)[-_MOST:]))

    def _read(self) -> tuple[Happening, ...]:
        try:
            found = load(self._store, _KEY, _History)
        except DamagedState as error:
            _log.warning(
                "what happened lately is not known: %s", error, extra={"event": "history_damaged"}
            )
            return ()
        return found.happenings if found else ()


def _listed(addresses: Addresses) -> str:
    known = (str(one) for one in (addresses.ipv4, addresses.ipv6) if one)
    return ", ".join(known) or "no address"
