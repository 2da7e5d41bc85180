"""What fails is tried again: ever less often, never too often, whatever restarts meanwhile."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest

from picdns_core.testing import Answer, LocalInternet
from tests.heartbeat.conftest import DAY, HOUR, MINUTES, Act, Life, MakeLife

TWO_DAYS = {"Retry-After": str(2 * 86400), "Content-Type": "application/problem+json"}
LIMITED = json.dumps({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "slow down"})


def break_dns(life: Life) -> None:
    """Give the name no address: the CA cannot verify it, nor can the cell reach itself."""
    life.cell.net.zone("home.test").set(life.name.removesuffix(".home.test"), "TXT", "nothing")


def mend_dns(life: Life) -> None:
    label = life.name.removesuffix(".home.test")
    life.cell.net.zone("home.test").delete(label)


def forget_account(life: Life) -> None:
    """Have another account from now on: of the old one, Pebble takes 1 proof in 100 once more."""
    for account in (life.cell.base / "accounts").glob("*/*"):
        account.unlink()
    life.restart()


def failed_in_any(life: Life, period: timedelta) -> int:
    """Return the most validations that failed within such a period."""
    return max(
        sum(one.failures for one in life.tried if start.at <= one.at < start.at + period)
        for start in life.tried
    )


@pytest.fixture
def life(make_life: MakeLife) -> Iterator[Life]:
    """A cell with a good certificate, an hour before it is to be renewed."""
    life = make_life()
    life.cell.services([f"broken-{uuid4().hex[:8]}"], "127.0.0.1:1")
    assert life.machine
    life.machine.renewal_info = "off"
    life.up()
    forget_account(life)
    life.now += 60 * DAY - HOUR
    life.tick()
    yield life
    mend_dns(life)


def test_what_keeps_failing_is_tried_once_a_day_at_last(life: Life) -> None:
    """It is told each time; the old certificate stays, and the first success ends it."""
    before = life.current[life.name][-1].serial
    break_dns(life)
    began = life.now
    life.live(6 * DAY)
    tries = [one.at for one in life.tried]
    waits = [(after - earlier) // MINUTES for earlier, after in pairwise(tries)]
    assert failed_in_any(life, HOUR) <= 4
    assert life.limits.refused == []
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2] == DAY // MINUTES
    (problem,) = life.problems[-1]
    assert (problem.subject, problem.error) == (life.name, "ChallengeFailed")
    assert began <= problem.since <= tries[0] + MINUTES
    assert problem.count == len(tries) == life.limits.failures[life.name]
    assert problem.retry_at
    assert abs(problem.retry_at - tries[-1] - DAY) < MINUTES
    assert life.current[life.name][-1].serial == before
    mend_dns(life)
    assert life.recovered == []
    life.live(2 * DAY)
    assert life.problems[-1] == ()
    assert [one.subject for one in life.recovered] == [life.name]
    assert life.current[life.name][-1].serial != before


@pytest.mark.parametrize("restart", [False, True])
def test_a_restart_shortens_no_wait(life: Life, *, restart: bool) -> None:
    """A process that lives for one tick only tries as often as one that goes on."""
    break_dns(life)
    life.now += HOUR
    began = life.now
    for _ in range(6 * 12):
        if restart:
            life.restart()
        life.tick()
        life.now += MINUTES
    minutes = [(one.at - began) // timedelta(minutes=1) for one in life.tried]
    assert minutes == [0, 35, 100, 225]  # half an hour to the next tick, then twice that
    assert life.limits.refused == []


@pytest.mark.parametrize(
    "status",
    [429, 503],
)
def test_a_ca_that_asks_to_wait_is_left_alone_so_long(
    life: Life, status: int, local_internet: LocalInternet
) -> None:
    """It gets no order within two days, from whatever process; nor does its staging directory."""
    assert life.machine
    staging = local_internet.new_pebble()
    untouched = staging.requests()
    life.cell.set(picdns={"acme": {"staging": staging.directory}})
    answer = Answer(status, TWO_DAYS, LIMITED if status == 429 else "")
    rule = life.machine.on("POST", "/order-plz", answer)
    life.now += HOUR
    life.tick()
    asked, began = rule.matches, life.now
    assert asked == 1
    (problem,) = life.problems[-1]
    assert problem.retry_at
    assert problem.retry_at >= began + 2 * DAY
    while life.now < began + 2 * DAY:
        life.restart()
        life.tick()
        life.now += 2 * HOUR
    assert rule.matches == asked
    life.machine.faults.remove(rule)
    life.now = problem.retry_at
    life.tick()
    assert life.problems[-1] == ()
    assert len(life.renewals(life.name)) == 1
    assert staging.requests() == untouched
    staging.close()


def test_a_wildcard_spends_no_more_than_one_name_has(make_life: MakeLife) -> None:
    """Two proofs of one name fail at each attempt; together they stay below the limit."""
    life = make_life("cloudflare")
    assert life.machine
    life.machine.renewal_info = "off"
    life.up()
    forget_account(life)
    account = life.cell.account
    assert account
    label = f"_acme-challenge.{life.name.removesuffix('.home.test')}"
    proofs: list[datetime] = []

    def lose() -> None:
        account.zone.delete(label, "TXT")
        proofs.append(life.now)

    vanish = life.machine.on("POST", "/chalZ/", Act(lose))
    life.now += 60 * DAY
    life.live(3 * DAY, restart_every=2)
    assert life.limits.refused == []
    assert len(proofs) > 2 * 5
    most = max(sum(start <= one < start + HOUR for one in proofs) for start in proofs)
    assert 3 <= most <= 4  # the CA may see one proof before it vanishes
    life.machine.faults.remove(vanish)
    life.live(2 * DAY)
    assert life.problems[-1] == ()
    assert len(life.renewals(life.name)) == 1
