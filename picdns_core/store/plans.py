"""When certificates are to be renewed, as it was decided: one file for all of them."""

import logging
from collections.abc import Mapping

from msgspec import Struct, field

from picdns_core.errors import DamagedState
from picdns_core.model import Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_KEY = "schedule/certificates.json"
_log = logging.getLogger(__name__)


class Plan(Struct, frozen=True, kw_only=True):
    """What is planned for one certificate; void once another one has taken its place.

    `renew_at` and `why` are None where its lifetime decides. `ask_at` is when the CA is asked
    again when it would have it renewed (RFC 9773). `early` says that it came before the time of
    the one before it, because the CA wanted it so.
    """

    serial: str
    renew_at: Moment | None = None
    why: str | None = None
    explanation_url: str | None = None
    ask_at: Moment | None = None
    early: bool = False


class _Plans(Document, frozen=True, kw_only=True):
    plans: dict[str, Plan] = field(default_factory=dict)


class Plans:
    """The plans of all certificates of a cell, by lineage."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Mapping[str, Plan]:
        """Return all there are; a damaged file is as good as none: the CA can be asked anew."""
        try:
            found = load(self._store, _KEY, _Plans)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "plans_damaged"})
            return {}
        return found.plans if found else {}

    def put(self, changed: Mapping[str, Plan]) -> Mapping[str, Plan]:
        """Keep these beside the others, and return all."""
        with self._store.lock("cell", "planning renewals", wait=10):
            plans = {**self.all(), **changed}
            save(self._store, _KEY, _Plans(plans=plans))
        return plans

    def drop(self, lineage: str) -> Mapping[str, Plan]:
        """Forget what was planned for a lineage, and return all others."""
        if lineage not in (plans := self.all()):
            return plans
        with self._store.lock("cell", "planning renewals", wait=10):
            plans = {one: plan for one, plan in self.all().items() if one != lineage}
            save(self._store, _KEY, _Plans(plans=plans))
        return plans
