"""A switch that is killed at any step: it was never begun, or it is done at the next start."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from .conftest import MODES, MakeMover, Mover

CHOSEN = [
    ("cloudflare", "pic_ngo"),
    ("pic_ngo", "lan"),
    ("lan", "duckdns"),
    ("http01", "cloudflare"),
    ("duckdns", "http01"),
]
OTHERS = [pair for pair in permutations(MODES, 2) if pair not in CHOSEN]
_MOST = 400


class Killer:
    """The process that switches cells and kills them; see `killer.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def switch(
        self, mover: Mover, mode: str, kill_at: int, *, every_act: bool, **settings: str
    ) -> bool:
        """Say whether it was killed; what fails otherwise fails the test."""
        assert self._process.stdin
        assert self._process.stdout
        request = {
            "root": str(mover.cell.root),
            "mode": mode,
            "settings": mover.wish(mode) | settings,
            "kill_at": kill_at,
            "every_act": every_act,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert (kill_at, answer["failed"]) == (kill_at, "")
        return bool(answer["killed"])

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def killer() -> Iterator[Killer]:
    process = Killer()
    yield process
    process.close()


def _everywhere(mover: Mover, killer: Killer, old: str, new: str, *, every_act: bool) -> int:
    """Kill at each step, and see what the next start makes of it."""
    mover.account("pic_ngo")
    before, killed, kill_at, undone = mover.state(), True, 0, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        mover.let_another_order_pass()
        killed = killer.switch(mover, new, kill_at, every_act=every_act)
        assert mover.issuer(f"files.{mover.now[1]}")  # whichever it is, before anybody mends it
        mover.let_another_order_pass()
        report = mover.cell.runner.up()
        assert (kill_at, report.failed, mover.cell.leftovers()) == (kill_at, (), [])
        assert (kill_at, mover.issuer("files.cell")) == (kill_at, "own")
        mode, domain = mover.now
        assert (kill_at, mover.cell.config()["domain_mode"]) == (kill_at, mode)
        assert mover.issuer(f"files.{domain}")
        if mode == old:
            undone += 1
            assert (kill_at, _differing(mover.state(), before)) == (kill_at, [])
            continue
        assert (kill_at, mode, domain) == (kill_at, new, mover.domain(new))
        if killed:
            mover.let_another_order_pass()
            mover.cell.runner.switch(old, mover.wish(old))
            mover.let_another_order_pass()
            before = mover.state()
    assert undone > 5
    return kill_at


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("old", "new"), CHOSEN)
def test_switch_that_is_killed_at_a_step_is_undone_or_done(
    make_mover: MakeMover, killer: Killer, old: str, new: str
) -> None:
    """Before the new mode is proven served nothing is left of it, byte for byte; then it comes."""
    assert 8 < _everywhere(make_mover(old), killer, old, new, every_act=False) < _MOST


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("old", "new"), OTHERS)
def test_the_same_for_all_other_pairs(
    make_mover: MakeMover, killer: Killer, old: str, new: str
) -> None:
    """Whichever modes they are."""
    assert 8 < _everywhere(make_mover(old), killer, old, new, every_act=False) < _MOST


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("old", "new"), CHOSEN)
def test_switch_that_is_killed_at_any_act_is_undone_or_done(
    make_mover: MakeMover, killer: Killer, old: str, new: str
) -> None:
    """The same around each change on disk and each request."""
    assert 20 < _everywhere(make_mover(old), killer, old, new, every_act=True) < _MOST


@pytest.mark.timeout(300)
def test_renaming_that_is_killed_at_a_step_is_undone_or_done(
    make_mover: MakeMover, killer: Killer
) -> None:
    """Two names with a token each, in a mode that has one file for it: none of them is lost."""
    mover = make_mover("pic_ngo")
    label, former = f"{mover.label}x", mover.domain("pic_ngo")
    wish = {"cell_name": label, "domain_name": f"{label}.pic.ngo"}
    back = {"cell_name": mover.label, "domain_name": former}
    before, killed, kill_at, undone = mover.state(), True, 0, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        mover.let_another_order_pass()
        killed = killer.switch(mover, "pic_ngo", kill_at, every_act=False, **wish)
        assert mover.issuer(f"files.{mover.now[1]}")
        mover.let_another_order_pass()
        report = mover.cell.runner.up()
        assert (kill_at, report.failed, mover.cell.leftovers()) == (kill_at, (), [])
        renamed = mover.now[1] != former
        assert (mover.is_free(mover.label), mover.is_free(label)) == (renamed, not renamed)
        if not renamed:
            undone += 1
            assert (kill_at, _differing(mover.state(), before)) == (kill_at, [])
        elif killed:
            mover.let_another_order_pass()
            mover.cell.runner.switch("pic_ngo", back)
            mover.let_another_order_pass()
            before = mover.state()
    assert undone > 5
    assert mover.issuer(f"files.{label}.pic.ngo") == "public"
