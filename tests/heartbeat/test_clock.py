"""A clock that is wrong: nothing is decided by it, and once it is right all is well."""

import pytest

from picdns_core.testing import Cut, Fault
from tests.heartbeat.conftest import DAY, HOUR, Life, MakeLife

YEARS = 3 * 365 * DAY


@pytest.fixture
def life(make_life: MakeLife) -> Life:
    """A cell that has been looked after for ten days."""
    life = make_life()
    assert life.machine
    life.machine.renewal_info = "off"
    life.up()
    life.live(10 * DAY)
    return life


def serials(life: Life) -> list[int]:
    return [life.current[lineage][-1].serial for lineage in sorted(life.current)]


def test_a_clock_that_is_behind_decides_nothing(life: Life) -> None:
    """As that of a board without battery; the CA is asked for the time at each tick, no more."""
    assert life.machine
    before, orders = serials(life), len(life.limits.orders)
    asked = life.machine.on(".*", ".*", Fault())
    for count in (1, 2):
        event = life.tick(life.now - YEARS)
        assert [(one.subject, one.error) for one in event.problems] == [("clock", "ClockSkewed")]
        assert event.problems[0].count == count
        assert asked.matches == count
    life.restart()
    life.tick(life.now - YEARS + DAY)
    assert asked.matches == 3
    assert serials(life) == before
    assert len(life.limits.orders) == orders
    event = life.tick()
    assert event.problems == ()
    assert [one.subject for one in event.recovered] == ["clock"]
    life.live(60 * DAY)
    assert len(life.renewals(life.name)) == 1
    assert life.problems[-1] == ()


def test_a_clock_that_is_far_ahead_orders_nothing(life: Life) -> None:
    """What is in use stays so, that of the own CA too: by the new date nobody could use it."""
    before, orders = serials(life), len(life.limits.orders)
    for _ in range(3):
        event = life.tick(life.now + YEARS)
        assert {one.error for one in event.problems} == {"ClockSkewed"}
        life.now += HOUR
    assert len(life.limits.orders) == orders
    assert serials(life) == before


def test_a_clock_that_was_far_ahead_is_right_again(life: Life) -> None:
    """Nobody has to help: nothing waits for a time that is years away."""
    for _ in range(3):
        life.tick(life.now + YEARS)
        life.now += HOUR
    life.live(DAY, restart_every=2)
    assert life.problems[-1] == ()
    assert life.recovered
    life.live(60 * DAY)
    assert len(life.renewals(life.name)) == 1
    assert life.margin(life.name) > 20 * DAY
    assert all(
        seen[-1].not_before <= life.now < seen[-1].not_after for seen in life.current.values()
    )
    assert life.problems[-1] == ()
    assert life.limits.refused == []


def test_a_failure_while_the_clock_was_ahead_holds_nothing_back(life: Life) -> None:
    """It was to be tried again when that clock said so."""
    assert life.machine
    down = life.machine.on(".*", ".*", Cut())
    life.tick(life.now + YEARS)
    life.machine.faults.remove(down)
    life.tick()
    life.live(60 * DAY)
    assert len(life.renewals(life.name)) == 1
    assert life.problems[-1] == ()


def test_a_clock_that_is_little_behind_is_let_be(life: Life) -> None:
    """Half an hour is what a clock may be set back."""
    assert life.tick(life.now - HOUR / 2).problems == ()


def test_a_lan_cell_believes_up(make_life: MakeLife) -> None:
    """Nobody says the time there; whoever knows that it is right now says so by `up`."""
    life = make_life("lan")
    life.up()
    ahead = life.now + 100 * DAY
    life.tick(ahead)
    for _ in range(2):
        event = life.tick()
        assert [(one.subject, one.error) for one in event.problems] == [("clock", "ClockSkewed")]
    life.runner.up()
    event = life.tick()
    assert event.problems == ()
    assert [one.subject for one in event.recovered] == ["clock"]
    life.live(200 * DAY)
    assert life.problems[-1] == ()
