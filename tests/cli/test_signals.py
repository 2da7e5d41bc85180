"""Ctrl-C and SIGTERM while an order waits: it ends in order, and the next `up` goes on."""

import json
import signal
import subprocess
import time

import pytest

from picdns_core.testing import Answer, FaultProxy, Hold, Rule
from tests.conftest import Cell, MakeCell

from .shell import Shell, through

PENDING = json.dumps({"type": "urn:ietf:params:acme:error:orderNotReady", "status": 403})
HEADERS = {"Content-Type": "application/problem+json", "Retry-After": "30"}


@pytest.fixture
def waiting(make_cell: MakeCell, faulty: FaultProxy) -> tuple[Cell, Rule]:
    """A cell whose CA is asked for patience when the order is to be finished."""
    cell = through(make_cell(caddy=False), faulty)
    return cell, faulty.on("POST", "/finalize-order/", Answer(403, HEADERS, PENDING))


def interrupted(cell: Cell, rule: Rule, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Run `up`, send the signal once the order waits, and return what it did."""
    process = subprocess.Popen(
        Shell(cell.root).command("up", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not rule.matches and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_in_order_and_the_next_up_resumes(
    waiting: tuple[Cell, Rule], faulty: FaultProxy, number: signal.Signals
) -> None:
    """Exit code 1, said in one line, nothing half-written, and no second order."""
    cell, rule = waiting
    done = interrupted(cell, rule, number)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [failed] = json.loads(done.stdout)["failed"]
    assert failed["error"] == "Cancelled"
    assert "The order is kept" in failed["hint"]
    assert "Stopped while" in done.stderr
    assert not list(cell.base.glob("webroot/*"))
    faulty.faults.remove(rule)
    again = Shell(cell.root).run("up")
    assert again.returncode == 0, again.stderr
    assert "Going on with an order left open" in again.stderr
    assert cell.asked()["/order-plz"] == 1
    assert cell.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_at_once(
    make_cell: MakeCell, faulty: FaultProxy, number: signal.Signals
) -> None:
    """Whoever cannot wait loses nothing: it is a kill like any other."""
    hold = Hold()
    faulty.on("POST", "/order-plz", hold)
    cell = through(make_cell(services=("files", "photos"), caddy=False), faulty)
    process = subprocess.Popen(
        Shell(cell.root).command("up"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert hold.arrived.wait(20)
    process.send_signal(number)
    time.sleep(0.3)
    process.send_signal(number)
    assert process.wait(5) == -number
    hold.released.set()
    faulty.faults.clear()
    assert Shell(cell.root).run("up").returncode == 0
    assert cell.leftovers() == []
