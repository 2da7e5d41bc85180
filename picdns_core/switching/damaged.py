"""A switch of which the journal cannot be read any more."""

from contextlib import suppress

import msgspec

from picdns_core.clock import Clock
from picdns_core.errors import DamagedState
from picdns_core.store import Store
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.staging import Staging
from picdns_core.store.switches import Change, Side, Switches, SwitchIntent


def rebuilt(store: Store, clock: Clock) -> SwitchIntent | None:
    """Describe it again, as one to be undone; where the cell is not up, only forget it.

    What is in force is known without the journal: a switch says so last. What was claimed for the
    other one is staged, so that it is given back. Its certificates stay, and go when nobody wants
    them.
    """
    real, staging = Registrations(store), Staging(store)
    if (old := real.claim_in_force()) is None:
        staging.drop()
        Switches(store).close()
        return None
    claimed = [claim for claim in _staged(store, staging) if claim != old]
    new = claimed[0] if claimed else old
    return SwitchIntent(begun_at=clock.now(), old=_side(old), new=_side(new), change=Change())


def _staged(store: Store, staging: Staging) -> list[Claim]:
    found: list[Claim | None] = []
    for key in store.keys("switch/registrations"):
        mode, is_json, _ = key.removeprefix("switch/registrations/").partition(".json")
        if is_json and "/" not in mode:
            with suppress(DamagedState):
                found.append(Registrations(staging).get(mode))
    return [claim for claim in found if claim]


def _side(claim: Claim) -> Side:
    return Side(cell=claim.cell, settings=msgspec.to_builtins(claim.settings))
