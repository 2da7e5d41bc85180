"""Intents: written before an act, gone when it is done or undone."""

import logging
from typing import Self

import msgspec

from picdns_core.errors import DamagedState
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_ORDER = "journal/order-"

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
            _log.warning("%s", error)
            self.close(lineage)
            return None

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


def _key(lineage: str) -> str:
    return f"{_ORDER}{lineage}.json"
