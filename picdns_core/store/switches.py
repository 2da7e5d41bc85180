"""A switch from one mode or name to another, from its first act until its last."""

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from picdns_core.errors import DamagedState
from picdns_core.model import Cell, Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store
from picdns_core.store.registrations import Claim

_KEY = "journal/switch.json"


class Side(Struct, frozen=True, kw_only=True):
    """A cell as it is, or will be, with the settings of its mode; no secrets."""

    cell: Cell
    settings: dict[str, Any]

    def is_claimed_by(self, claim: Claim | None) -> bool:
        """Say whether this is the cell of a claim."""
        return claim is not None and claim.cell.mode == self.cell.mode and claim.is_for(self.cell)

    def __str__(self) -> str:
        return f"{self.cell.domain} in mode {self.cell.mode}"


class Change(Struct, frozen=True, kw_only=True):
    """What the config is to be told: the mode, and what was given with it; no secrets.

    `mode` is None where the config says it already, `name` and `domain` where they stay as they
    are. `secrets` names what is taken out, since it is kept elsewhere.
    """

    mode: str | None = None
    name: str | None = None
    domain: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


class Before(Struct, frozen=True, kw_only=True):
    """What there was of a certificate that the new mode wants: newest and current generation."""

    newest: str | None
    current: str | None


class SwitchIntent(Document, frozen=True, kw_only=True):
    """A switch that is under way.

    While `preparing` the old one is in force, and all is undone if it goes no further; once
    `serving` the new one is proven served, and the rest is done whatever happens. `step` says in
    words how far it is.
    """

    phase: Literal["preparing", "serving"] = "preparing"
    step: str = "beginning"
    begun_at: Moment
    old: Side
    new: Side
    change: Change
    release: bool = False
    before: dict[str, Before] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"switching from {self.old} to {self.new}: {self.step}"


class Switches:
    """The one switch that may be under way; changed only with the lock `switch` held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> SwitchIntent | None:
        """Return it, None when there is none; DamagedState when it cannot be known any more."""
        return load(self._store, _KEY, SwitchIntent)

    def how_far(self) -> str | None:
        """Say how far it is, None when there is none; also where that cannot be known any more."""
        try:
            intent = self.read()
        except DamagedState:
            return "a switch was cut short, and its journal is damaged"
        return str(intent) if intent else None

    def write(self, intent: SwitchIntent, **changes: object) -> SwitchIntent:
        """Keep it with some fields changed; it is on disk when this returns."""
        intent = msgspec.structs.replace(intent, **changes)
        save(self._store, _KEY, intent)
        return intent

    def close(self) -> None:
        """Forget it: it is done, or undone."""
        self._store.delete(_KEY)
