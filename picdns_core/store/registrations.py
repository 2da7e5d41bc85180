"""The claim on the cell's name: made once, kept on disk, given back at the end."""

from contextlib import suppress
from typing import Any

import msgspec

from picdns_core.errors import DamagedState
from picdns_core.model import Cell, Registration
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_IN_FORCE = "cell.json"


class Claim(Document, frozen=True, kw_only=True):
    """What was registered, and as whom: teardown works from this, not from the config.

    While `pending` the service was perhaps asked and has not been heard.
    """

    cell: Cell
    settings: dict[str, Any]
    registration: Registration
    pending: bool = False

    def is_for(self, cell: Cell) -> bool:
        """Say whether it is a claim on this cell's name, by this cell."""
        return (self.cell.name, self.cell.domain) == (cell.name, cell.domain)


class _Former(Document, frozen=True, kw_only=True):
    """Claims of the names that a cell had before, which have yet to be given back."""

    claims: tuple[Claim, ...] = ()


class _InForce(Document, frozen=True, kw_only=True):
    """Which mode the cell is in, whatever the config says meanwhile."""

    mode: str


class Registrations:
    """Each mode's claim, `registrations/<mode>.json`, and which mode is in force."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, mode: str) -> Claim | None:
        return load(self._store, _key(mode), Claim)

    def in_force(self) -> str | None:
        """Return the mode that the cell is in, None when it is not up."""
        found = load(self._store, _IN_FORCE, _InForce)
        return found.mode if found else None

    def enter(self, mode: str) -> None:
        """Keep that the cell is in this mode."""
        with suppress(DamagedState):
            if self.in_force() == mode:
                return
        save(self._store, _IN_FORCE, _InForce(mode=mode))

    def leave(self, mode: str) -> None:
        """Keep that the cell is in no mode, if it was in this one."""
        if self.in_force() == mode:
            self._store.delete(_IN_FORCE)

    def claim_in_force(self) -> Claim | None:
        """Return the claim that the cell is kept alive by, None when it is not up, or unknown."""
        with suppress(DamagedState):
            mode = self.in_force()
            return self.get(mode) if mode else None
        return None

    def held(self) -> list[Claim]:
        """List what the cell holds in any mode, in force or kept from before."""
        keys = (key.removeprefix("registrations/") for key in self._store.keys("registrations"))
        modes = [key.removesuffix(".json") for key in keys if "/" not in key]
        return [claim for mode in modes if (claim := self.get(mode))]

    def former(self, mode: str) -> tuple[Claim, ...]:
        """List the claims that are to be given back in this mode."""
        found = load(self._store, _former_key(mode), _Former)
        return found.claims if found else ()

    def all_former(self) -> list[Claim]:
        """List the claims that are to be given back, in whatever mode."""
        keys = self._store.keys("registrations/former")
        modes = (key.rpartition("/")[2].removesuffix(".json") for key in keys)
        return [claim for mode in modes for claim in self.former(mode)]

    def let_go(self, claim: Claim) -> None:
        """Keep that a claim is to be given back, whether or not it is in force."""
        mode = claim.cell.mode
        if claim not in self.former(mode):
            self._keep_former(mode, (*self.former(mode), claim))
        if self.get(mode) == claim:
            self._store.delete(_key(mode))

    def matching(self, cell: Cell, settings: msgspec.Struct) -> Registration | None:
        """Return the registration if it is for this name and these settings."""
        claim = self.get(cell.mode)
        if claim is None or claim.pending or not claim.is_for(cell):
            return None
        try:  # as they are now: a new setting has its default, a list from JSON is a tuple
            same = msgspec.convert(claim.settings, type(settings)) == settings
        except msgspec.ValidationError:
            return None
        return claim.registration if same else None

    def begin(self, cell: Cell, settings: msgspec.Struct) -> None:
        """Keep that the service is about to be asked; a claim on another name becomes a former."""
        known = [*self.former(cell.mode), self.get(cell.mode)]
        others = [claim for claim in known if claim and not claim.is_for(cell)]
        mine = [claim for claim in known if claim and claim.is_for(cell)]  # renamed back, perhaps
        self._keep_former(cell.mode, tuple(others))
        registration = mine[-1].registration if mine else Registration(domain=cell.domain)
        self._save(cell, settings, registration, pending=True)

    def keep(self, cell: Cell, settings: msgspec.Struct, registration: Registration) -> None:
        """Keep what the service has said."""
        self._save(cell, settings, registration, pending=False)

    def forget_begun(self, mode: str) -> None:
        """Forget what was begun: the service has refused, and nothing was there before."""
        self._store.delete(_key(mode))

    def forget(self, claim: Claim) -> None:
        """Forget a claim that was given back."""
        mode = claim.cell.mode
        if self.get(mode) == claim:
            self._store.delete(_key(mode))
        self._keep_former(mode, tuple(one for one in self.former(mode) if one != claim))

    def _save(
        self, cell: Cell, settings: msgspec.Struct, registration: Registration, *, pending: bool
    ) -> None:
        claim = Claim(
            cell=cell,
            settings=msgspec.to_builtins(settings),
            registration=registration,
            pending=pending,
        )
        save(self._store, _key(cell.mode), claim)

    def _keep_former(self, mode: str, claims: tuple[Claim, ...]) -> None:
        if claims:
            save(self._store, _former_key(mode), _Former(claims=claims))
        elif self.former(mode):
            self._store.delete(_former_key(mode))


def _key(mode: str) -> str:
    return f"registrations/{mode}.json"


def _former_key(mode: str) -> str:
    return f"registrations/former/{mode}.json"
