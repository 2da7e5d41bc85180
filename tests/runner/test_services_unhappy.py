"""Services come and go while others are at work, servers are down, and processes are killed."""

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from picdns_core import Heartbeat
from picdns_core.services import ServicesChanged
from picdns_core.testing import Answer, FaultProxy, Hold, LocalInternet
from tests.cli.shell import Shell, through
from tests.conftest import Cell, MakeCell
from tests.runner.test_kill import Killer, killer
from tests.runner.test_services import given

__all__ = ["killer"]


@pytest.fixture
def faulty(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """A proxy before the CA."""
    with local_internet.fault_proxy(local_internet.pebble.directory) as proxy:
        yield proxy


def tick(cell: Cell) -> None:
    """Look after the cell once, as another process does."""
    Heartbeat(cell.runner).tick(datetime.now(UTC))


def test_without_the_ca_the_service_waits_and_the_others_are_served(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """The failure is in the result, and the heartbeat gets the certificate when its time comes."""
    cell = through(make_cell(), faulty)
    runner = cell.runner
    assert runner.up().failed == ()
    faulty.on("POST", "/order-plz", Answer(503))
    changed = runner.add_service(given(cell, "photos")[0])
    [failed] = [one for one in changed.certificates if one.action == "failed"]
    assert (failed.subject, changed.unfinished) == ("photos.home.test", None)
    assert "tried again from" in failed.why
    assert [one.names for one in changed.report.failed] == [("photos.home.test",)]
    assert [one["name"] for one in cell.config()["services"]] == ["files", "photos"]
    assert cell.get("files.home.test").status == cell.get("photos.cell").status == 200
    faulty.faults.clear()
    noted = cell.base / "failures.json"
    known = json.loads(noted.read_text())
    known["failures"]["photos.home.test"]["retry_at"] = "2026-01-01T00:00:00Z"  # its time has come
    noted.write_text(json.dumps(known))
    tick(cell)
    assert cell.get("photos.home.test").status == 200


def test_without_caddy_the_change_is_made_later(make_cell: MakeCell) -> None:
    """The result says so; the next tick puts it live."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    cell.caddy.stop()
    changed = cell.runner.add_service(given(cell, "photos")[0])
    assert changed.unfinished is not None
    assert (changed.unfinished.error, changed.report.deployed) == ("CaddyDown", False)
    cell.caddy.start()
    tick(cell)
    assert cell.get("photos.cell").status == cell.get("photos.home.cell").status == 200


@pytest.mark.parametrize("renews", ["tick", "renew"])
def test_services_that_change_during_a_renewal_are_served_after_it(
    make_cell: MakeCell, faulty: FaultProxy, renews: str
) -> None:
    """Whoever began before them does not put back what was there when it began."""
    cell = through(make_cell(services=("files", "photos")), faulty)
    runner = cell.runner
    assert runner.up().failed == ()
    beginning = given(cell, "files", "photos", "mail")
    if renews == "tick":
        chain = next(cell.base.glob("certs/files.home.test/0*"))
        for path in chain.iterdir():
            path.unlink()
    hold = Hold()
    faulty.on("POST", "/order-plz", hold, first=1)
    other = threading.Thread(
        target=lambda: (
            tick(cell) if renews == "tick" else cell.runner.renew("files.home.test", force=True)
        )
    )
    other.start()
    assert hold.arrived.wait(10)
    changed = runner.services_changed(beginning[1:])
    assert (changed.unfinished, changed.report.failed) == (None, ())
    hold.released.set()
    other.join(30)
    assert not other.is_alive()
    assert cell.get("mail.home.test").status == cell.get("mail.cell").status == 200
    assert "https://files.home.test" not in cell.caddyfile.read_text()


def test_of_changes_at_once_each_is_made(make_cell: MakeCell) -> None:
    """In threads and in processes; none takes back what another has just done."""
    cell = make_cell("lan")
    cell.runner.up()
    upstream = given(cell, "files")[0].upstream
    mine: list[ServicesChanged] = []
    threads = [
        threading.Thread(target=lambda one=one: mine.append(cell.runner.add_service(one)))
        for one in given(cell, "a", "b")
    ]
    others = [
        subprocess.Popen(
            Shell(cell.root).command("services", "add", name, upstream),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in ("c", "d")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    said = [one.communicate(timeout=60)[0] for one in others]
    assert [one.returncode for one in others] == [0, 0], said
    assert [(one.unfinished, one.report.failed) for one in mine] == [(None, ())] * 2
    names = {one["name"] for one in cell.config()["services"]}
    assert names == {"files", "a", "b", "c", "d"}
    for name in names:
        assert cell.get(f"{name}.cell").status == 200
    assert cell.leftovers() == []


def test_upstream_that_a_killed_process_left_to_others_is_used_at_the_next_tick(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """Also by a heartbeat that has just seen all well."""
    cell = make_cell("lan")
    cell.runner.up()
    heartbeat = Heartbeat(cell.runner)
    heartbeat.tick(datetime.now(UTC))
    cell.services(("files",), local_internet.backend("elsewhere").address)
    heartbeat.tick(datetime.now(UTC))
    assert cell.get("files.cell").body == "elsewhere"


def _add_everywhere(cell: Cell, killer: Killer, step: int) -> None:
    """Kill the change at its acts, one in each `step`; the config has it or not, and so it is."""
    cell.runner.up()
    upstream = given(cell, "files")[0].upstream
    killed, kill_at = True, 1
    while killed and kill_at < 200:
        killed = killer.run(cell, f"add photos {upstream}", kill_at)["killed"]
        assert cell.get("files.cell").status == 200
        tick(cell)
        for name in (one["name"] for one in cell.config()["services"]):
            assert (kill_at, cell.get(f"{name}.cell").status) == (kill_at, 200)
        cell.runner.services_changed(given(cell, "files"))
        kill_at += step
    assert 10 < kill_at < 200
    cell.runner.add_service(given(cell, "photos")[0])
    cell.runner.up()
    assert cell.leftovers() == []


def test_killed_change_is_finished_by_the_next_tick(make_cell: MakeCell, killer: Killer) -> None:
    """Wherever it was killed, what the config has is served."""
    _add_everywhere(make_cell("lan"), killer, step=7)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["lan", "http01"])
def test_change_killed_at_each_step_is_finished_by_the_next_tick(
    make_cell: MakeCell, killer: Killer, mode: str
) -> None:
    """The same at every act whatsoever."""
    _add_everywhere(make_cell(mode), killer, step=1)
