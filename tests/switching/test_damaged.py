"""A journal that is damaged or lost stops nobody from renewing, and leaves nothing behind."""

from datetime import UTC, datetime

import pytest

from picdns_core import Heartbeat, Runner
from picdns_core.switching import switching

from .conftest import MakeMover, Mover


def test_tick_undoes_a_switch_whose_journal_is_damaged(make_mover: MakeMover) -> None:
    """The status says so meanwhile; what was claimed is given back, and all is as before."""
    mover = make_mover("lan")
    mover.account("pic_ngo")
    _cut_short(mover)
    (mover.cell.base / "journal/switch.json").write_text('{"version": 1, "pha')
    assert "damaged" in (mover.cell.runner.refresh().switching or "")
    tick = Heartbeat(mover.cell.runner).tick(datetime.now(UTC))
    assert tick.certificates
    assert tick.certificates.waiting is None
    assert (mover.now[0], mover.is_free(mover.label)) == ("lan", True)
    assert mover.cell.runner.up().failed == ()
    assert (mover.issuer("files.home.cell"), mover.issuer("files.cell")) == ("own", "own")
    assert not (mover.cell.base / "journal/switch.json").exists()
    assert [path for path in (mover.cell.base / "switch").rglob("*") if path.is_file()] == []
    status = mover.cell.runner.refresh()
    assert (status.switching, status.problems) == (None, ())


def test_what_is_staged_without_a_journal_is_no_part_of_the_next_switch(
    make_mover: MakeMover,
) -> None:
    """As after a backup, or when somebody has moved the journal away."""
    mover = make_mover("lan")
    staged = mover.cell.base / "switch"
    (staged / "registrations").mkdir(parents=True)
    claim = (mover.cell.base / "registrations/lan.json").read_text()
    (staged / "registrations/duckdns.json").write_text(claim)
    mover.cell.runner.switch("lan", {"domain_name": "haus.cell"})
    assert mover.now == ("lan", "haus.cell")
    assert not (mover.cell.base / "registrations/duckdns.json").exists()


def _cut_short(mover: Mover) -> None:
    """Kill a switch to pic_ngo just before both are served."""

    class Killed(BaseException):
        pass

    def die(step: object) -> None:
        if "serving both" in repr(step):
            raise Killed

    def die_at_once(_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(switching, "undo", die_at_once)  # a killed process undoes nothing
        with pytest.raises(Killed):
            Runner(mover.cell.root, progress=die).switch("pic_ngo", mover.wish("pic_ngo"))
