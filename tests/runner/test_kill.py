"""A process that is killed at any of its acts loses nothing and leaves nothing behind."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from picdns_core.testing.services.cloudflare import Cloudflare
from picdns_core.testing.services.pic_ngo import PicNgo
from tests.conftest import Cell, MakeCell
from tests.runner.test_dns_modes import every_mode, txt_values, without_soa

_MOST = 400


class Killer:
    """The process that runs cells and kills them; see `killer.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, cell: Cell, call: str = "up", kill_at: int = 0, *, edges: bool = False
    ) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        request = {"root": str(cell.root), "call": call, "kill_at": kill_at, "edges": edges}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

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


def _complete(cell: Cell, killer: Killer, kill_at: int) -> None:
    """Run to the end and see that all is as if nothing had happened."""
    after = killer.run(cell)
    assert (kill_at, after["failed"]) == (kill_at, [])
    assert (kill_at, cell.leftovers()) == (kill_at, [])


def _clear(cell: Cell) -> None:
    """Make the cell new: no state, and a Caddy without a config."""
    assert cell.caddy
    nothing = {"admin": {"listen": cell.caddy.admin}}
    requests.post(f"http://{cell.caddy.admin}/load", json=nothing, timeout=10).raise_for_status()
    for path in sorted(cell.base.parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    cell.caddyfile.unlink(missing_ok=True)


@pytest.mark.timeout(600)
def test_first_up_is_resumed_after_a_kill_around_each_request(
    make_cell: MakeCell, killer: Killer
) -> None:
    """The next `up` completes, with one more order at most, and no more accounts."""
    assert 20 < _up_everywhere(make_cell(), killer, edges=True) < _MOST


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_first_up_is_resumed_after_a_kill_at_each_step(make_cell: MakeCell, killer: Killer) -> None:
    """The same at every act whatsoever."""
    assert 40 < _up_everywhere(make_cell(), killer, edges=False) < _MOST


def _up_everywhere(cell: Cell, killer: Killer, *, edges: bool) -> int:
    killed, kill_at = True, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        cell.forget_asked()
        killed = killer.run(cell, kill_at=kill_at, edges=edges)["killed"]
        _complete(cell, killer, kill_at)
        asked = cell.asked()
        assert asked["/order-plz"] <= 2
        assert asked["/certZ/"] <= 2
        assert asked["/sign-me-up"] <= 2
        assert cell.get("files.home.test").status == 200
        assert cell.get("files.cell").status == 200
        _clear(cell)
    return kill_at


def _renew_everywhere(cell: Cell, killer: Killer, *, edges: bool) -> int:
    """Kill a renewal at each step; whoever asks meanwhile gets a good certificate."""
    cell.runner.up()
    killed, kill_at = True, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        killed = killer.run(cell, "renew", kill_at, edges=edges)["killed"]
        assert cell.get("files.home.test").status == 200
        assert cell.get("files.cell").status == 200
        killer.run(cell)
        certificate = cell.certificate("files.home.test")
        assert (kill_at, certificate.served) == (kill_at, certificate.serial)
        for counted in cell.base.glob("accounts/*/budget.json"):
            counted.unlink()  # as if a week had passed
    killer.run(cell)
    assert cell.leftovers() == []
    return kill_at


@pytest.mark.timeout(600)
def test_renewal_killed_around_each_request_leaves_the_old_certificate_served(
    make_cell: MakeCell, killer: Killer
) -> None:
    """Between the kill and the next `up`, nothing is missing."""
    assert 20 < _renew_everywhere(make_cell(), killer, edges=True) < _MOST


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_renewal_killed_at_each_step_leaves_the_old_certificate_served(
    make_cell: MakeCell, killer: Killer
) -> None:
    """The same at every act whatsoever."""
    assert 40 < _renew_everywhere(make_cell(), killer, edges=False) < _MOST


@pytest.mark.slow  # its acts are among those of the tests above
@pytest.mark.timeout(600)
def test_lan_is_resumed_after_a_kill_at_each_step(make_cell: MakeCell, killer: Killer) -> None:
    """The internal root and its leaves always belong together."""
    cell = make_cell("lan")
    killed, kill_at = True, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        killed = killer.run(cell, kill_at=kill_at)["killed"]
        _complete(cell, killer, kill_at)
        assert cell.get("files.home.cell").status == 200
        assert cell.get("files.cell").status == 200
        _clear(cell)
    assert 40 < kill_at < _MOST


def _resume_everywhere(cell: Cell, killer: Killer, *, edges: bool) -> int:
    """Kill the first `up` at each step, complete it, and let the name go again."""
    assert cell.account
    service, domain = cell.account.service, cell.account.domain
    if isinstance(service, Cloudflare):
        service.quota.requests *= 100  # so many cells in five minutes no token has
    before = without_soa(cell)
    killed, kill_at = True, 0
    while killed and kill_at < _MOST:
        kill_at += 1
        cell.forget_asked()
        killed = killer.run(cell, kill_at=kill_at, edges=edges)["killed"]
        if isinstance(service, PicNgo):
            service.forget_codes()  # else each registration would have to wait for the next
        _complete(cell, killer, kill_at)
        assert cell.asked()["/order-plz"] <= 2
        assert (kill_at, txt_values(cell)) == (kill_at, {})
        assert cell.get(f"files.{domain}").status == 200
        cell.runner.teardown()
        assert (kill_at, without_soa(cell)) == (kill_at, before)
        _clear(cell)
        cell.set(ddns=cell.account.ddns)
        if isinstance(service, PicNgo):
            service.forget_codes()
    return kill_at


@pytest.mark.timeout(600)
@every_mode
def test_proof_in_dns_is_resumed_after_a_kill_around_each_request(
    make_cell: MakeCell, killer: Killer, mode: str
) -> None:
    """Before it is sent, and before its answer is kept; no TXT value and no claim is left."""
    assert 20 < _resume_everywhere(make_cell(mode), killer, edges=True) < _MOST


@pytest.mark.slow
@pytest.mark.timeout(1800)
@every_mode
def test_proof_in_dns_is_resumed_after_a_kill_at_each_step(
    make_cell: MakeCell, killer: Killer, mode: str
) -> None:
    """The same at every act whatsoever."""
    assert 100 < _resume_everywhere(make_cell(mode), killer, edges=False) < _MOST
