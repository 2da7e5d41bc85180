"""The heartbeat in its threads, and one look at a time: what it does, and what cannot stop it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from picdns_core import Cancelled, ConfigError, FileStore, Heartbeat, Runner, StoreError, Ticked
from picdns_core.observing.news import to_tell
from picdns_core.store import Lineages
from picdns_core.testing import Echoes, Hold, LocalInternet
from tests.conftest import Cell, MakeCell

DAY = timedelta(days=1)


@pytest.fixture
def heartbeat() -> Iterator[Callable[..., Heartbeat]]:
    """Make heartbeats that end with the test."""
    made: list[Heartbeat] = []

    def make(runner: Runner, heard: Callable[[Ticked], None] = lambda _: None) -> Heartbeat:
        made.append(Heartbeat(runner, heard))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def echoes(local_internet: LocalInternet) -> Iterator[Echoes]:
    echoes = local_internet.echoes()
    echoes.see(ipv4="203.0.113.7", ipv6=None)
    yield echoes
    echoes.close()


@pytest.fixture
def cell(make_cell: MakeCell, echoes: Echoes) -> Cell:
    """A cell that publishes addresses, and is up."""
    cell = make_cell("duckdns", caddy=False)
    cell.set(picdns=cell.net.settings(cell.pebble, echoes=echoes))
    assert cell.runner.up().failed == ()
    return cell


def eventually(true: Callable[[], object]) -> None:
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def threads(task: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == f"picdns-{task}"]


def test_both_tasks_are_done_at_once_and_shown_by_the_status(
    cell: Cell, heartbeat: Callable[..., Heartbeat]
) -> None:
    """The host's own runner answers from memory, and in it is what the threads did."""
    runner, heard = cell.runner, list[Ticked]()
    assert runner.status().heartbeat.certificates is None
    beating = heartbeat(runner, heard.append)
    beating.start()
    beating.start()
    eventually(lambda: len(heard) == 2)
    assert {one.task for one in heard} == {"addresses", "certificates"}
    eventually(lambda: runner.status().heartbeat.addresses)
    eventually(lambda: runner.status().heartbeat.certificates)
    assert len(threads("addresses")) == len(threads("certificates")) == 1
    assert all(one.daemon for one in threads("addresses") + threads("certificates"))
    beating.stop()
    eventually(lambda: not threads("addresses") + threads("certificates"))
    beating.start()
    eventually(lambda: len(heard) == 4)


def test_neither_task_waits_for_the_other_and_stop_waits_for_none(
    cell: Cell, heartbeat: Callable[..., Heartbeat]
) -> None:
    """A CA that does not answer holds up a renewal, not the address, and not who stops it."""
    assert cell.pebble
    hold, heard = Hold(), list[Ticked]()
    with cell.net.fault_proxy(cell.pebble.directory) as proxy:
        cell.set(picdns={"acme": {"directory": proxy.proxied(cell.pebble.directory)}})
        proxy.on(".*", ".*", hold)
        beating = heartbeat(cell.runner, heard.append)
        beating.start()
        assert hold.arrived.wait(10)
        eventually(lambda: [one.task for one in heard] == ["addresses"])
        beating.stop()
        assert len(threads("certificates")) == 1
        assert not hold.released.is_set()
        hold.released.set()
        eventually(lambda: not threads("certificates"))


def test_of_two_heartbeats_one_stands_by(
    cell: Cell, heartbeat: Callable[..., Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in two workers of a server; when the first ends, the other takes over."""
    monkeypatch.setattr("picdns_core.heartbeat._EVERY", timedelta(seconds=0.3))
    first_heard, second_heard = list[Ticked](), list[Ticked]()
    first = heartbeat(cell.runner, first_heard.append)
    second = heartbeat(cell.runner, second_heard.append)
    first.start()
    eventually(lambda: {one.task for one in first_heard} == {"addresses", "certificates"})
    second.start()
    eventually(lambda: len(first_heard) >= 8)
    assert second_heard == []
    first.stop()
    eventually(lambda: {one.task for one in second_heard} == {"addresses", "certificates"})


def test_nothing_is_looked_after_before_up_and_after_teardown(
    make_cell: MakeCell, echoes: Echoes
) -> None:
    """A name that was given back is not taken again by a thread that was left running."""
    cell = make_cell("duckdns", caddy=False)
    cell.set(picdns=cell.net.settings(cell.pebble, echoes=echoes))
    beating = Heartbeat(runner := cell.runner)
    assert not runner.is_up()
    nothing = beating.tick(datetime.now(UTC))
    assert (nothing.addresses, nothing.certificates) == (None, None)
    runner.up()
    assert runner.is_up()
    assert beating.tick(datetime.now(UTC)).addresses
    assert runner.teardown()
    assert not runner.is_up()
    nothing = beating.tick(datetime.now(UTC) + 80 * DAY)
    assert (nothing.addresses, nothing.certificates) == (None, None)


def test_what_was_kept_alive_stays_so_until_a_switch_is_made(cell: Cell) -> None:
    """Another mode, or another name, in the config is said, and left to `up`."""
    assert cell.account
    beating, before = Heartbeat(cell.runner), cell.config()
    cell.set(domain_mode="lan", domain_name="home.cell", ddns={})
    cell.services(("files", "photos"), "127.0.0.1:1")
    tick = beating.tick(datetime.now(UTC))
    assert tick.certificates
    assert tick.certificates.waiting
    assert "asks for home.cell in mode lan" in tick.certificates.waiting
    assert cell.account.domain in tick.certificates.certificates
    told = "New certificate for files.cell, photos.cell: the names have changed"
    assert told in tick.certificates.did
    assert tick.addresses
    status = cell.runner.refresh()
    assert (status.mode, status.waiting) == ("duckdns", tick.certificates.waiting)
    cell.config_file.write_text(json.dumps(before))
    assert cell.runner.refresh().waiting is None
    cell.set(domain_mode="lan", domain_name="home.cell", ddns={})
    cell.runner.up()
    after = beating.tick(datetime.now(UTC))
    assert after.addresses is None
    assert after.certificates
    assert (after.certificates.waiting, after.certificates.cell.mode) == (None, "lan")


def test_config_that_is_wrong_is_said_and_the_cell_kept_alive(cell: Cell) -> None:
    """What the heartbeat needs of it is there; what is wrong with it has its own problem."""
    cell.set(domain_name="no domain")
    cell.services(("files", "photos"), "127.0.0.1:1")
    tick = Heartbeat(cell.runner).tick(datetime.now(UTC)).certificates
    assert tick
    assert "New certificate for files.cell, photos.cell: the names have changed" in tick.did
    assert [(one.subject, one.error) for one in tick.problems] == [("config", "ConfigError")]
    assert "domain_name" in tick.problems[0].message


def test_config_that_cannot_be_read_stops_no_thread(
    cell: Cell, heartbeat: Callable[..., Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises for who ticks by hand; the threads go on when it can be read again."""
    monkeypatch.setattr("picdns_core.heartbeat._EVERY", timedelta(seconds=0.1))
    good = cell.config_file.read_text()
    cell.config_file.write_text("{")
    heard = list[Ticked]()
    beating = heartbeat(cell.runner, heard.append)
    with pytest.raises(ConfigError):
        beating.tick(datetime.now(UTC))
    beating.start()
    time.sleep(0.3)
    assert heard == []
    cell.config_file.write_text(good)
    eventually(lambda: {one.task for one in heard} == {"addresses", "certificates"})


def test_error_that_nobody_foresaw_is_a_problem_and_no_end(
    cell: Cell, heartbeat: Callable[..., Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged with its trace, shown by the status, and gone when it does not come again."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nobody")

    beating = heartbeat(cell.runner)
    with monkeypatch.context() as patch:
        patch.setattr("picdns_core.keeping._ask_the_ca", broken)
        tick = beating.tick(datetime.now(UTC)).certificates
        assert tick
        assert [one.subject for one in tick.problems] == ["cell"]
        assert "ZeroDivisionError" in tick.problems[0].message
    tick = beating.tick(datetime.now(UTC)).certificates
    assert tick
    assert (tick.problems, [one.subject for one in tick.recovered]) == ((), ["cell"])


def test_no_network_is_no_problem_while_nothing_is_due(cell: Cell, echoes: Echoes) -> None:
    """As at boot: what is published stays so, what is served stays so, nothing is wrong."""
    assert cell.account
    for echo in echoes:
        echo.ipv4 = None
    cell.set(picdns={"dns": {"roots": ["127.0.0.9"], "port": 1}})
    cell.set(picdns={"acme": {"ca_bundle": None}})  # no server of this host can be verified now
    cell.account.service.close()
    tick = Heartbeat(cell.runner).tick(datetime.now(UTC))
    assert tick.addresses
    assert (tick.addresses.did, tick.addresses.problems) == ((), ())
    assert tick.certificates
    assert (tick.certificates.did, tick.certificates.problems) == ((), ())


def test_server_that_lost_its_certificates_gets_them_back(make_cell: MakeCell) -> None:
    """A Caddy that was started anew, from an empty config, serves again within an hour."""
    cell = make_cell("lan")
    assert cell.caddy
    assert cell.runner.up().failed == ()
    beating, now = Heartbeat(cell.runner), datetime.now(UTC)
    beating.tick(now)
    cell.caddyfile.write_text("{\n\tadmin localhost:1\n}\n")
    written = cell.caddyfile.read_text()
    beating.tick(now + timedelta(minutes=5))
    assert cell.caddyfile.read_text() == written
    tick = beating.tick(now + timedelta(hours=1, minutes=5)).certificates
    assert tick
    assert tick.did == ("The newest certificates were put in use",)
    assert cell.get("files.home.cell").status == 200


def test_stop_may_be_called_from_anywhere(cell: Cell, heartbeat: Callable[..., Heartbeat]) -> None:
    """From its own threads, and while another thread starts it."""
    stopped = threading.Event()
    beatings: list[Heartbeat] = []

    def stop(_: Ticked) -> None:
        beatings[0].stop()
        stopped.set()

    beatings.append(heartbeat(cell.runner, stop))
    beatings[0].start()
    assert stopped.wait(10)
    eventually(lambda: not threads("addresses") + threads("certificates"))


def test_host_that_would_leave_from_a_tick_ends_no_thread(
    cell: Cell, heartbeat: Callable[..., Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a listener raises is logged, SystemExit too; the next tick comes."""
    monkeypatch.setattr("picdns_core.heartbeat._EVERY", timedelta(seconds=0.1))
    heard = list[str]()

    def leave(event: Ticked) -> None:
        heard.append(event.task)
        raise SystemExit(1)

    heartbeat(cell.runner, leave).start()
    eventually(lambda: heard.count("addresses") > 2 and heard.count("certificates") > 2)


def test_task_that_cannot_be_done_does_not_cost_the_other(cell: Cell) -> None:
    """The error is raised when both had their turn."""
    cell.services(("files", "photos"), "127.0.0.1:1")
    (cell.base / "schedule/tick-addresses.json").unlink(missing_ok=True)
    (cell.base / "schedule/tick-addresses.json/in-the-way").mkdir(parents=True)
    with pytest.raises(StoreError, match="tick-addresses"):
        Heartbeat(cell.runner).tick(datetime.now(UTC))
    newest = Lineages(FileStore(cell.root)).newest("internal")
    assert newest
    assert newest.meta.names == ("files.cell", "photos.cell")


def test_address_that_nobody_says_is_a_problem_after_an_hour(cell: Cell, echoes: Echoes) -> None:
    """At first it is none, as at boot; what is published stays so, and is sent after 25 days."""
    now, beating = datetime.now(UTC), Heartbeat(cell.runner)
    echoes.see(ipv4=None, ipv6=None)
    ticks = [beating.tick(now + passed).addresses for passed in (timedelta(0), timedelta(hours=2))]
    assert [one and [two.error for two in one.problems] for one in ticks] == [
        [],
        ["AddressUnusable"],
    ]
    later = beating.tick(now + 26 * DAY).addresses
    assert later
    assert any("25 days ago" in did for did in later.did)
    echoes.see(ipv4="203.0.113.7", ipv6=None)
    again = beating.tick(now + 27 * DAY).addresses
    assert again
    assert (again.problems, len(again.recovered)) == ((), 1)


def test_problem_is_news_at_the_tick_at_which_it_comes(cell: Cell) -> None:
    """And at that tick only; when it is over, that is told."""
    beating, now = Heartbeat(cell.runner), datetime.now(UTC)
    beating.tick(now)
    cell.set(domain_name="no domain")
    ticks = [beating.tick(now + timedelta(minutes=5 * number)).certificates for number in (1, 2)]
    assert [one and [two.subject for two in to_tell(one)] for one in ticks] == [["config"], []]
    assert cell.account
    cell.set(domain_name=cell.account.domain)
    last = beating.tick(now + timedelta(minutes=15)).certificates
    assert last
    assert [one.subject for one in last.recovered] == ["config"]


def test_name_that_is_given_back_during_a_tick_is_not_taken_again(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick has opened the cell before; it ends as what the host has stopped."""
    runner = cell.runner

    def meanwhile(_: object) -> None:
        assert runner.teardown()

    monkeypatch.setattr("picdns_core.keeping.check_clock", meanwhile)
    with pytest.raises(Cancelled, match="given back meanwhile"):
        Heartbeat(cell.runner).tick(datetime.now(UTC))
    assert not list(cell.base.glob("registrations/*.json"))
    assert runner.refresh().waiting


def test_time_without_its_zone_is_refused(cell: Cell) -> None:
    """It would be taken for another time."""
    with pytest.raises(ValueError, match="zone"):
        Heartbeat(cell.runner).tick(datetime.now())  # noqa: DTZ005 - that is what is tested
