"""How checks are run: side by side, bounded, and at home where nobody outside is to be asked."""

import json
import subprocess
import sys
import threading
import time

import pytest

from picdns_core import Finding, ProviderUnavailable, Secret
from picdns_core.doctor import authority, pool, state
from picdns_core.doctor.diagnosis import good
from tests.conftest import MakeCell
from tests.tracing.conftest import Way

LISTENING = """
import json, sys
asked = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        asked.append(arguments[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        asked.append(arguments[:2])
sys.addaudithook(hear)
from picdns_core import Runner
diagnosis = Runner(sys.argv[1]).doctor(outside=True)
print(json.dumps([asked, diagnosis.well]))
"""


def test_in_lan_mode_no_packet_leaves_the_host(make_cell: MakeCell) -> None:
    """Caddy is asked and nobody else, also with --outside; not even a name is looked up."""
    cell = make_cell("lan")
    cell.runner.up()
    done = subprocess.run(
        [sys.executable, "-c", LISTENING, str(cell.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    asked, well = json.loads(done.stdout)
    assert cell.caddy
    admin = int(cell.caddy.admin.rpartition(":")[2])
    assert well
    assert {int(one[1]) for one in asked} == {admin, cell.caddy.https_port}
    assert {one[0] for one in asked} <= {"127.0.0.1", "localhost", "::1"}


def test_a_check_that_breaks_is_a_finding(up: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on; no secret is in what is said of it."""
    token = Secret("a-token-of-somebody")

    def break_down(_: object) -> list[Finding]:
        raise KeyError(token.reveal())

    monkeypatch.setattr(state, "cell", break_down)
    [one] = [one for one in up.runner.doctor().checks if not one.ok]
    assert (one.name, one.evidence) == ("cell", "KeyError: '***'")
    assert "bug of picdns" in one.mend


def test_an_error_of_ours_is_a_finding_in_its_own_words(
    up: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> list[Finding]:
        raise ProviderUnavailable("The CA is down.", hint="Try again later.")

    monkeypatch.setattr(authority, "caa", refuse)
    [one] = [one for one in up.runner.doctor().checks if not one.ok]
    assert (one.name, one.finding, one.mend) == ("caa", "The CA is down.", "Try again later.")


def test_who_hangs_is_not_waited_for() -> None:
    """Also when more hang than there are hands; the order of the checks stays."""
    over = threading.Event()

    def hang() -> list[Finding]:
        over.wait(30)
        return []

    began = time.monotonic()
    checks = {"first": lambda: [good("first", "Well")]} | {f"hang{n}": hang for n in range(9)}
    found = pool.run(checks, 0.3)
    over.set()
    assert time.monotonic() - began < 2
    assert [one.name for one in found] == list(checks)
    assert [one.ok for one in found] == [True] + [False] * 9
    assert "did not end within" in found[1].finding


def test_from_outside_by_the_cas_staging(up: Way) -> None:
    """Each certificate is had once, and what is served stays."""
    up.cell.set(picdns={"acme": {"staging": up.cell.net.pebble.directory}})
    [one] = [one for one in up.runner.doctor(outside=True).checks if one.name == "outside"]
    assert one.ok
    assert up.name in one.finding


def test_what_the_ca_does_not_find_from_outside(way: Way) -> None:
    """In its words, with the mend."""
    way.cell.set(picdns={"acme": {"staging": way.cell.net.pebble.directory}})
    way.zone.delete("*", "A")
    [one] = [one for one in way.runner.doctor(outside=True).checks if one.name == "outside"]
    assert not one.ok
    assert way.name in one.evidence
    assert one.mend


def test_nothing_is_changed_by_examining(up: Way) -> None:
    """No file is written, and no order is made."""
    up.cell.forget_asked()
    before = {path: path.lstat().st_mtime_ns for path in up.cell.root.rglob("*")}
    up.runner.doctor()
    assert {path: path.lstat().st_mtime_ns for path in up.cell.root.rglob("*")} == before
    assert set(up.cell.asked()) <= {"/dir"}
