"""Certificates that are not wanted any more: a day's grace, and then nothing is left of them."""

from datetime import UTC, datetime, timedelta

import pytest

from picdns_core import Heartbeat, PicdnsError, Service, retirement
from picdns_core.clock import Clock
from picdns_core.job import Job
from picdns_core.store.journal import OrderIntent
from picdns_core.store.retired import Retired
from tests.conftest import Cell, MakeCell

HOUR = timedelta(hours=1)
NAME = "photos.home.test"


class Time:
    """A cell looked after at times that the test says."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.now = datetime.now(UTC)
        self.heartbeat = Heartbeat(cell.runner)

    def tick(self, later: timedelta = timedelta(0)) -> tuple[str, ...]:
        """Return what was done after that time."""
        self.now += later
        event = self.heartbeat.tick(self.now).certificates
        assert event is not None
        return event.did

    def pass_by(self, hours: int) -> list[str]:
        return [did for _ in range(hours) for did in self.tick(HOUR)]

    def job(self) -> Job:
        job = self.cell.runner.workshop.open_in_force(Clock(self.now))
        assert job is not None
        return job


@pytest.fixture
def time(make_cell: MakeCell) -> Time:
    """A cell of whose two services one has just been removed."""
    cell = make_cell(services=("files", "photos"), caddy=False)
    cell.runner.up()
    time = Time(cell)
    time.tick()
    cell.runner.remove_service("photos")
    time.now = datetime.now(UTC)
    return time


def is_there(time: Time, lineage: str = NAME) -> bool:
    return (time.cell.base / "certs" / lineage).exists()


def test_after_a_day_the_keys_the_plan_and_the_failures_are_gone(time: Time) -> None:
    """The heartbeat says so; what is wanted is untouched, and no CA is asked for a certificate."""
    plans, failures = time.cell.base / "schedule/certificates.json", time.job().failures
    assert NAME in plans.read_text()
    time.cell.forget_asked()
    serial = time.cell.certificate("files.home.test").serial
    assert time.pass_by(23) == []
    assert is_there(time)
    failures.note(NAME, PicdnsError("It failed."))
    done = time.pass_by(2)
    assert f"Dropped {NAME}, not wanted for a day" in done
    assert not is_there(time)
    assert NAME not in plans.read_text()
    assert failures.get(NAME) is None
    assert not (time.cell.base / "schedule/retired.json").exists()
    assert time.cell.certificate("files.home.test").serial == serial
    assert time.cell.asked()["/order-plz"] == 0


@pytest.mark.parametrize("jumps", [[30 * HOUR], [47 * HOUR], [-30 * HOUR, 30 * HOUR]])
def test_a_clock_that_is_set_ends_no_day_early(time: Time, jumps: list[timedelta]) -> None:
    """Of time that no two ticks have seen pass an hour counts at most."""
    time.pass_by(2)
    for jump in jumps:
        time.tick(jump)
    time.pass_by(19)
    assert is_there(time)
    time.pass_by(5)
    assert not is_there(time)


def test_by_up_the_clock_is_believed(time: Time) -> None:
    """As in a cell that no heartbeat looks after, but a nightly `up`."""
    time.now += 25 * HOUR
    assert retirement.drop(time.job(), ticking=True) == ()
    time.now += 25 * HOUR
    retired = Retired(time.job().store)
    retired.change(lambda marks: dict.fromkeys(marks, datetime.now(UTC) - 25 * HOUR))
    time.cell.runner.up()
    assert not is_there(time)


def test_what_is_wanted_again_within_the_day_is_used_as_it_is(time: Time) -> None:
    """Also when the config was edited by hand."""
    files = time.cell.config()["services"][0]["upstream"]
    time.pass_by(20)
    before = sorted(path.name for path in (time.cell.base / "certs" / NAME).iterdir())
    time.cell.forget_asked()
    time.cell.services(("files", "photos"), files)
    time.pass_by(10)
    assert sorted(path.name for path in (time.cell.base / "certs" / NAME).iterdir()) == before
    assert time.cell.asked()["/order-plz"] == 0
    assert not (time.cell.base / "schedule/retired.json").exists()


def old(time: Time) -> Job:
    """Return the cell when the day is over."""
    Retired(time.job().store).change(lambda marks: dict.fromkeys(marks, time.now - 25 * HOUR))
    return time.job()


def test_what_is_being_had_or_worked_on_is_left_for_later(time: Time) -> None:
    """An open order, a lock that is held, a deployment under way."""
    job = old(time)
    for lock in (f"lineage-{NAME}", "deploy"):
        with job.store.lock(lock, "testing"):
            assert retirement.drop(job) == ()
    intent = OrderIntent(
        mode="http01", lineage=NAME, generation="000002", names=(NAME,), source="", probe="x"
    )
    job.journal.write(intent)
    assert retirement.drop(job) == ()
    job.journal.close(NAME)
    assert is_there(time)
    assert retirement.drop(job) == (NAME,)


def test_what_the_caddyfile_names_is_never_dropped(make_cell: MakeCell) -> None:
    """The written one, or the last good one: Caddy could not start without it."""
    cell = make_cell("lan")
    cell.runner.up()
    before = cell.caddyfile.read_text()
    good = (cell.base / "deploy/Caddyfile").read_bytes()
    cell.runner.services_changed([])
    time = Time(cell)
    after = cell.caddyfile.read_text()
    cell.caddyfile.write_text(before)
    assert retirement.drop(old(time)) == ()
    cell.caddyfile.write_text(after)
    (cell.base / "deploy/Caddyfile").write_bytes(good)
    assert retirement.drop(old(time)) == ()
    (cell.base / "deploy/Caddyfile").write_text(after)
    assert retirement.drop(old(time)) == ("internal",)


def test_one_that_was_taken_back_meanwhile_stays(time: Time) -> None:
    """Whoever decided to drop it looks again, once it has the lock."""
    before = old(time)
    upstream = time.cell.config()["services"][0]["upstream"]
    time.cell.runner.add_service(Service(name="photos", upstream=upstream))
    assert retirement.drop(before) == ()
    assert is_there(time)


def test_certificates_of_a_former_name_are_kept_for_a_day(make_cell: MakeCell) -> None:
    """A cell that is renamed in haste has its certificate until the next day."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    cell.set(domain_name="other.cell")
    cell.runner.up()
    time = Time(cell)
    time.tick()
    time.pass_by(22)
    assert is_there(time, "home.cell")
    time.pass_by(3)
    assert not is_there(time, "home.cell")
    assert is_there(time, "other.cell")


def test_while_all_are_wanted_nothing_is_written(make_cell: MakeCell) -> None:
    """But for the tick itself."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    time = Time(cell)
    time.tick()
    files = [path for path in cell.base.rglob("*") if path.is_file() and "tick-" not in path.name]
    before = {path: path.stat().st_mtime_ns for path in files if "locks" not in path.parts}
    time.pass_by(3)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not (cell.base / "schedule/retired.json").exists()
