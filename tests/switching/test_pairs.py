"""Each mode to each other one: twenty switches, seen by a client that never stops asking."""

from collections.abc import Callable
from itertools import permutations

import pytest

from .conftest import MODES, Client, MakeMover
from .table import COLUMN

PAIRS = list(permutations(MODES, 2))


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{one}-{two}" for one, two in PAIRS])
def test_every_mode_can_be_left_for_every_other(
    make_mover: MakeMover, old: str, new: str, record_property: Callable[[str, object], None]
) -> None:
    """No handshake fails meanwhile; afterwards all is as after an `up` in the new mode."""
    mover = make_mover(old)
    mover.account("pic_ngo")
    before = mover.issuer(f"files.{mover.domain(old)}")
    with Client(mover) as client:
        switched = mover.cell.runner.switch(new, mover.wish(new))
    after = mover.issuer(f"files.{mover.domain(new)}")
    seen = " > ".join(client.seen)
    row = (old, new, before, seen, str(client.asked), str(len(client.failed)), after)
    record_property(COLUMN, row)
    assert (client.failed, mover.now) == ([], (new, mover.domain(new)))
    assert (before, after) == ("own" if old == "lan" else "public", _issuer(new))
    assert mover.issuer("files.cell") == "own"
    assert (switched.changes, switched.previous_mode, switched.unreleased) == (True, old, None)
    assert mover.cell.leftovers() == []
    config = mover.cell.config()
    assert (config["domain_mode"], config["cell_name"]) == (new, mover.label)
    if old == "pic_ngo":
        assert mover.is_free(mover.label) is (new != "lan")
        assert (switched.keeps is not None) is (new == "lan")
    report = mover.cell.runner.up()
    assert (report.issued, report.deployed, report.failed) == ((), False, ())


def _issuer(mode: str) -> str:
    return "own" if mode == "lan" else "public"
