"""Since when certificates are not wanted any more: those that are kept for a while yet."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import field

from picdns_core.errors import DamagedState
from picdns_core.model import Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_KEY = "schedule/retired.json"
_log = logging.getLogger(__name__)

Marks = Mapping[str, datetime]
"""By lineage, since when it has not been wanted."""


class _Retired(Document, frozen=True, kw_only=True):
    since: dict[str, Moment] = field(default_factory=dict)


class Retired:
    """Keeps it, `schedule/retired.json`; there is no such file while all are wanted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Marks:
        """Return all there are; after a damaged file their time begins anew."""
        try:
            found = load(self._store, _KEY, _Retired)
        except DamagedState as error:
            _log.warning(
                "%s What is not wanted any more is kept for another day.",
                error.message,
                extra={"event": "retired_damaged"},
            )
            return {}
        return found.since if found else {}

    def change(self, change: Callable[[Marks], Marks]) -> Marks:
        """Change what is kept, and return what is kept then; nothing is written if equal."""
        if (after := change(before := self.all())) == before:
            return before
        with self._store.lock("cell", "noting what is not wanted any more", wait=10):
            if after := dict(change(self.all())):
                save(self._store, _KEY, _Retired(since=after))
            else:
                self._store.delete(_KEY)
        return after

    def forget(self, lineage: str) -> None:
        """Forget since when one has not been wanted: it is wanted, or gone."""
        self.change(lambda marks: {one: marks[one] for one in marks if one != lineage})
