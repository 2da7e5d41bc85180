"""The claim on the cell's name: made once, kept on disk, given back at the end."""

from typing import Any

import msgspec

from picdns_core.model import Cell, Registration
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store


class Claim(Document, frozen=True, kw_only=True):
    """What was registered, and as whom: teardown works from this, not from the config."""

    cell: Cell
    settings: dict[str, Any]
    registration: Registration


class Registrations:
    """Each mode's claim, `registrations/<mode>.json`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, mode: str) -> Claim | None:
        return load(self._store, _key(mode), Claim)

    def matching(self, cell: Cell, settings: msgspec.Struct) -> Registration | None:
        """Return the registration if it is for this name and these settings."""
        claim = self.get(cell.mode)
        if claim is None or (claim.cell.name, claim.cell.domain) != (cell.name, cell.domain):
            return None
        try:  # as they are now: a new setting has its default, a list from JSON is a tuple
            same = msgspec.convert(claim.settings, type(settings)) == settings
        except msgspec.ValidationError:
            return None
        return claim.registration if same else None

    def keep(self, cell: Cell, settings: msgspec.Struct, registration: Registration) -> None:
        claim = Claim(cell=cell, settings=msgspec.to_builtins(settings), registration=registration)
        save(self._store, _key(cell.mode), claim)

    def forget(self, mode: str) -> None:
        self._store.delete(_key(mode))


def _key(mode: str) -> str:
    return f"registrations/{mode}.json"
