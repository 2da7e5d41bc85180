"""A cell in lan: its own CA, and nobody else."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from picdns_core import CaddyDown, ConfigError, Runner, StoreError
from tests.conftest import MakeCell


def test_services_are_served_under_both_names(make_cell: MakeCell) -> None:
    """`<service>.<domain>` by the wildcard, `<service>.cell` by the internal certificate."""
    cell = make_cell("lan", ("files", "photos"))
    report = cell.runner.up()
    assert report.issued == (("home.cell", "*.home.cell"), ("files.cell", "photos.cell"))
    for name in ("files.home.cell", "photos.home.cell", "files.cell", "photos.cell"):
        assert cell.get(name).body == "hello"


def test_leaf_lasts_ninety_days_and_renews_like_any_other(make_cell: MakeCell) -> None:
    """At two thirds of its lifetime."""
    cell = make_cell("lan")
    cell.runner.up()
    found = cell.certificate("home.cell")
    lifetime = found.not_after - found.not_before
    assert timedelta(days=90) <= lifetime < timedelta(days=91)
    assert found.renew_at == found.not_before + lifetime * 2 / 3


def test_nothing_of_acme_is_loaded_and_no_socket_opened(make_cell: MakeCell) -> None:
    """Without Caddy, `up` in lan asks nobody for anything."""
    cell = make_cell("lan", caddy=False)
    script = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, _: event == 'socket.connect' and opened.append(event))\n"
        "from picdns_core import Runner\n"
        f"Runner({str(cell.root)!r}).up()\n"
        "print(opened, 'acme' in sys.modules, 'josepy' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] False False\n"


def test_up_twice_changes_nothing(make_cell: MakeCell) -> None:
    """The second run issues and deploys nothing."""
    cell = make_cell("lan")
    cell.runner.up()
    serial = cell.certificate("home.cell").serial
    report = cell.runner.up()
    assert (report.issued, report.deployed) == ((), False)
    assert cell.certificate("home.cell").serial == serial


def test_cell_without_services_has_its_wildcard(make_cell: MakeCell) -> None:
    """So that the first service is served the moment it is installed."""
    cell = make_cell("lan", ())
    cell.runner.up()
    assert cell.get("anything.home.cell").status == 404


def test_renewed_name_must_be_one_of_the_cell(make_cell: MakeCell) -> None:
    """The error lists those there are."""
    cell = make_cell("lan", caddy=False)
    with pytest.raises(ConfigError, match=r"home\.cell, \*\.home\.cell, files\.cell"):
        cell.runner.renew("other.cell")


def test_state_of_a_newer_version_is_refused_and_left_alone(make_cell: MakeCell) -> None:
    """An older picdns never rewrites what it does not understand."""
    cell = make_cell("lan")
    cell.runner.up()
    meta = next(cell.base.glob("certs/home.cell/*/meta.json"))
    newer = meta.read_text().replace('"version": 1', '"version": 2')
    meta.write_text(newer)
    with pytest.raises(StoreError, match="written by a newer picdns"):
        cell.runner.up()
    assert meta.read_text() == newer
    assert cell.get("files.cell").status == 200


def test_status_is_answered_from_memory(make_cell: MakeCell) -> None:
    """Only `refresh` and the first `status` look; what is held locked does not matter."""
    cell = make_cell("lan", caddy=False)
    runner = cell.runner
    runner.up()
    first = runner.status()
    for path in sorted(cell.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert runner.status() is first


def test_what_one_process_saw_all_others_say(make_cell: MakeCell) -> None:
    """As the workers of a host do, of which one has the heartbeat: a look is kept for all."""
    cell = make_cell("lan", caddy=False)
    other = Runner(cell.root)
    assert other.status().certificates == ()
    cell.runner.status()
    cell.runner.up()
    seen = other.status()
    assert [one.names for one in seen.certificates]
    assert seen == cell.runner.status()
    (cell.base / "looks/status.json").write_text("{")
    assert other.status().certificates == seen.certificates


def test_teardown_gives_the_name_back_once_and_leaves_certificates(make_cell: MakeCell) -> None:
    """What is served stays so; the second time there is nothing to do."""
    cell = make_cell("lan")
    runner = cell.runner
    runner.up()
    assert runner.refresh().registered
    assert runner.teardown() is True
    assert runner.teardown() is False
    assert not runner.refresh().registered
    assert cell.get("files.home.cell").status == 200
    runner.up()
    assert runner.refresh().registered


def test_error_of_one_command_is_made_up_for_by_another(make_cell: MakeCell) -> None:
    """What `renew` could not put live and `up` then did is no error any more."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    cell.caddy.stop()
    with pytest.raises(CaddyDown):
        cell.runner.renew(force=True)
    assert cell.runner.refresh().last_error is not None
    cell.caddy.start()
    cell.runner.up()
    assert cell.runner.refresh().last_error is None


def test_status_follows_what_was_done(make_cell: MakeCell) -> None:
    """The look before `renew` is not what is said after it."""
    cell = make_cell("lan", caddy=False)
    runner = cell.runner
    runner.up()
    before = runner.status().certificates[0].serial
    runner.renew("home.cell", force=True)
    assert runner.status().certificates[0].serial != before


@pytest.mark.parametrize("file", ["certs/internal/*/meta.json", "failures.json", "journal/*"])
def test_damaged_state_is_had_anew(make_cell: MakeCell, file: str) -> None:
    """One file that is not what we wrote stops nothing else."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    (cell.base / "journal").mkdir(exist_ok=True)
    (cell.base / "journal/order-home.cell.json").write_text("{}")
    (cell.base / "failures.json").write_text("[]")
    for path in cell.base.glob(file):
        path.write_bytes(b"")
    assert cell.runner.up().failed == ()
    assert len(cell.runner.refresh().certificates) == 2
    assert not list(cell.base.glob("journal/*"))


_AHEAD = """
import datetime, sys
import picdns_core.clock
from picdns_core import Runner

class Ahead(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=4000)

picdns_core.clock.datetime = Ahead
assert Runner(sys.argv[1]).up().failed == ()
"""


def test_certificate_from_the_future_is_replaced(make_cell: MakeCell) -> None:
    """It was made while the clock was ahead, and so was its root."""
    cell = make_cell("lan", caddy=False)
    subprocess.run([sys.executable, "-c", _AHEAD, str(cell.root)], check=True)
    report = cell.runner.up()
    assert (len(report.issued), report.failed) == (2, ())
    assert cell.certificate("home.cell").not_before < datetime.now(UTC)
    assert cell.runner.up().issued == ()
    assert cell.runner.renew("home.cell", force=True).failed == ()


def test_status_of_a_failure_is_there_without_another_look(make_cell: MakeCell) -> None:
    """Whoever watches sees the error as soon as the work has ended."""
    cell = make_cell("lan")
    runner = cell.runner
    runner.up()
    assert runner.status().last_error is None
    assert cell.caddy
    cell.caddy.stop()
    with pytest.raises(CaddyDown):
        runner.renew(force=True)
    known = runner.status()
    assert known.last_error is not None
    assert runner.status() == known  # with the moment of the look
