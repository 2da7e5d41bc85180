"""What was seen of names in public DNS where others publish their addresses."""

import logging

from picdns_core.errors import DamagedState
from picdns_core.model import Difference, Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_KEY = "schedule/outside.json"
_log = logging.getLogger(__name__)


class Outside(Document, frozen=True, kw_only=True):
    """The last look at the names of one domain."""

    domain: str
    looked_at: Moment
    differences: tuple[Difference, ...] = ()


class OutsideLooks:
    """Keeps it, `schedule/outside.json`; only the heartbeat writes it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self, domain: str) -> Outside | None:
        """Return the last one, None when there was none at this domain or its file is damaged."""
        try:
            found = load(self._store, _KEY, Outside)
        except DamagedState as error:
            _log.warning(
                "%s It is looked again.", error.message, extra={"event": "outside_damaged"}
            )
            return None
        return found if found and found.domain == domain else None

    def put(self, look: Outside) -> None:
        save(self._store, _KEY, look)
