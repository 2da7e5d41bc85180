"""Intents: written before an act, gone when it is done or undone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Self

import msgspec

from picdns_core.errors import DamagedState, PicdnsError
from picdns_core.model import TxtRecord
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store
from picdns_core.store.registrations import Claim, Registrations

_ORDER = "journal/order-"
_TXT = "journal/txt-"

_log = logging.getLogger(__name__)


class OrderIntent(Document, frozen=True, kw_only=True):
    """A certificate that is being had: which generation holds its key, how far the order is.

    `probe` and `tokens` name what may be in the webroot because of it: the self-probe's token,
    and the challenge answers.
    """

    mode: str
    lineage: str
    generation: str
    names: tuple[str, ...]
    source: str
    probe: str
    order_url: str | None = None
    tokens: tuple[str, ...] = ()

    def but(self, **changes: object) -> Self:
        """Return the same intent with some fields changed."""
        return msgspec.structs.replace(self, **changes)


class Journal:
    """The open intents of a cell, one file each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, intent: OrderIntent) -> OrderIntent:
        """Keep the intent; it is on disk when this returns."""
        save(self._store, _key(intent.lineage), intent)
        return intent

    def read(self, lineage: str) -> OrderIntent | None:
        """Return the open intent of a lineage; a damaged one is as good as none."""
        try:
            return load(self._store, _key(lineage), OrderIntent)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "order_damaged", "lineage": lineage})
            self.close(lineage)
            return None

    def intent(self, lineage: str) -> OrderIntent:
        """Return the open intent of a lineage that is being renewed."""
        intent = self.read(lineage)
        if intent is None:
            raise PicdnsError(f"No certificate is due for {lineage}: nothing was ordered.")
        return intent

    def note(self, lineage: str, **changes: object) -> None:
        """Keep that the order of a lineage has got further."""
        self.write(self.intent(lineage).but(**changes))

    def lineages_in_dns(self) -> list[str]:
        """Name the lineages of which TXT values may be in public DNS."""
        return [left.lineage for left in TxtJournal.left(self._store)]

    def txt(self, lineage: str) -> TxtJournal:
        """Return the TXT values of the lineage that is being renewed."""
        mode = self.intent(lineage).mode
        return TxtJournal(self._store, mode, lineage, Registrations(self._store).get(mode))

    def close(self, lineage: str) -> None:
        """Forget the intent: its act is done, or undone."""
        self._store.delete(_key(lineage))

    def open_lineages(self) -> list[str]:
        """Name the lineages whose intents are open."""
        return [
            key.removeprefix(_ORDER).removesuffix(".json")
            for key in self._store.keys("journal")
            if key.startswith(_ORDER)
        ]


class TxtIntent(Document, frozen=True, kw_only=True):
    """TXT values that may be in public DNS because of an order.

    `claim` is the one in whose name they were published, which the mode has perhaps no more.
    """

    mode: str
    lineage: str
    claim: Claim | None = None
    records: tuple[TxtRecord, ...] = ()


class TxtJournal:
    """The TXT values of one lineage in one mode; to be used with the lineage's lock held."""

    def __init__(self, store: Store, mode: str, lineage: str, claim: Claim | None) -> None:
        self._store = store
        self._claim = claim
        self._mode = mode
        self._lineage = lineage
        self._key = f"{_TXT}{mode}-{lineage}.json"

    @staticmethod
    def left(store: Store) -> Iterator[TxtIntent]:
        """Find what is left of all lineages, in all modes."""
        for key in store.keys("journal"):
            if key.startswith(_TXT):
                try:
                    found = load(store, key, TxtIntent)
                except DamagedState as error:
                    _log.warning(
                        "What is in public DNS is not known any more: %s",
                        error,
                        extra={"event": "proofs_damaged"},
                    )
                    continue
                if found:
                    yield found

    def add(self, *records: TxtRecord) -> None:
        """Keep that these are about to be published; it is on disk when this returns."""
        known = self.records()
        if new := tuple(record for record in records if record not in known):
            self._write((*known, *new))

    def remove(self, *records: TxtRecord) -> None:
        """Forget values that are withdrawn."""
        self._write(tuple(one for one in self.records() if one not in records))

    def records(self) -> tuple[TxtRecord, ...]:
        """List the values, oldest first; a damaged list is as good as none."""
        try:
            found = load(self._store, self._key, TxtIntent)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "proofs_damaged"})
            self._store.delete(self._key)
            return ()
        return found.records if found else ()

    def _write(self, records: tuple[TxtRecord, ...]) -> None:
        if records:
            intent = TxtIntent(
                mode=self._mode, lineage=self._lineage, claim=self._claim, records=records
            )
            save(self._store, self._key, intent)
        else:
            self._store.delete(self._key)


def _key(lineage: str) -> str:
    return f"{_ORDER}{lineage}.json"
