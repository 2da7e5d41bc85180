"""What a cell holds in its mode, and what hooks are given to act on it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from picdns_core.errors import Busy, PicdnsError
from picdns_core.hookspecs import Secrets
from picdns_core.model import Cell, DomainMode, Registration
from picdns_core.plugins import Claimant, Holder
from picdns_core.store import ModeSecrets, Store
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.secrets import FormerSecrets
from picdns_core.store.staging import Staging
from picdns_core.store.switches import Switches


class Holding:
    """The claims of one cell in one mode, and its secrets there."""

    def __init__(
        self,
        root: Path,
        store: Store,
        cell: Cell,
        mode: DomainMode,
        settings: Struct,
        ca_bundle: str | None,
    ) -> None:
        self._root = root
        self._store = store
        self._cell = cell
        self._mode = mode
        self._settings = settings
        self._ca_bundle = ca_bundle
        self._registrations = Registrations(store)
        self.secrets = self._secrets(mode)

    @property
    def registration(self) -> Registration | None:
        """What this cell holds in this mode, None when it must be registered first."""
        return self._registrations.matching(self._cell, self._settings)

    def claim(self) -> Claim:
        """Return the claim on the name; an error when it is gone, as after a teardown."""
        claim = self._registrations.get(self._mode.name)
        if claim is None or claim.pending or not claim.is_for(self._cell):
            raise PicdnsError(
                f"{self._cell.domain} was given back meanwhile, so nothing was asked for it.",
                hint="Run `picdns up` to register it again.",
            )
        return claim

    def claimant(self) -> Claimant:
        """Return what each hook is given; the session is for one call."""
        from picdns_core.http import Session

        return Claimant(
            cell=self._cell,
            settings=self._settings,
            http=Session(self._ca_bundle),
            secrets=self.secrets,
        )

    def holder(self, claim: Claim, mode: DomainMode | None = None) -> Holder:
        """Return what hooks are given to act on a claim as it was made, in this mode or another."""
        mode = mode or self._mode
        return Holder(
            cell=claim.cell,
            settings=msgspec.convert(claim.settings, mode.settings),
            http=self.claimant()["http"],
            secrets=self._secrets(mode, claim.cell.domain),
            registration=claim.registration,
        )

    def former_secrets(self, domain: str, mode: DomainMode) -> FormerSecrets:
        """Return the place for what opens a name, once the cell has another in that mode."""
        return FormerSecrets(self._store, self._root, mode, domain)

    def check_in_force(self) -> None:
        """Raise Busy while a switch is changing what is in force, and when one has done so."""
        if isinstance(self._store, Staging):
            return
        self.check_no_switch()
        claim = self._registrations.claim_in_force()
        if claim and not (claim.cell.mode == self._cell.mode and claim.is_for(self._cell)):
            raise Busy(
                f"the cell is {claim.cell.domain} in mode {claim.cell.mode}, and no more "
                f"{self._cell.domain} in mode {self._cell.mode}",
                hint="`picdns up` and `picdns switch` change what it is.",
            )

    def check_no_switch(self) -> None:
        """Raise Busy while a switch is under way that this cell is no part of."""
        intent = None if isinstance(self._store, Staging) else Switches(self._store).read()
        if intent and intent.phase == "preparing":
            raise Busy(str(intent))

    def _secrets(self, mode: DomainMode, domain: str | None = None) -> Secrets:
        """Return the secrets of a mode, or of a domain that has its own there."""
        if domain:
            former = self.former_secrets(domain, mode)
            if former.exist():
                return former
        if isinstance(self._store, Staging):
            if mode.name == self._mode.name:
                return self._store.secrets(self._root, mode)
            return ModeSecrets(self._store.real, self._root, mode.name, mode.secrets)
        return ModeSecrets(self._store, self._root, mode.name, mode.secrets)
