"""Years of renewals, whatever the CA says about their time: no gap, and no limit is reached."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from picdns_core.testing.renewal_times import RenewalInfo
from tests.conftest import MakeCell
from tests.heartbeat.conftest import DAY, HOUR, MINUTES, PROFILES, Life, MakeLife, ask_daily

BY_LIFETIME = {"classic": 60 * DAY, "tlsserver": 30 * DAY, "shortlived": 3 * DAY}
SECONDS, LATE = timedelta(seconds=5), MINUTES + timedelta(seconds=5)
"""A tick that is due sooner than five minutes after another one waits for them."""


def pauses(life: Life) -> list[timedelta]:
    """Return how long each certificate was in use before it was renewed."""
    moments = [life.current[life.name][0].at, *(one.at for one in life.renewals(life.name))]
    return [after - before for before, after in pairwise(moments)]


def expected(profile: str, said: RenewalInfo) -> tuple[timedelta, timedelta]:
    """Return the least and the longest time between renewals.

    Pebble suggests a day before until a day after two thirds of the lifetime. One whose window is
    always in the past is heard only so often that its own limits are left alone.
    """
    whole = PROFILES[profile]
    if said == "on":
        return whole * 2 / 3 - DAY, whole * 2 / 3 + DAY
    usual = whole * 0.4 if said == "past" else BY_LIFETIME[profile]
    return usual, usual


def check(life: Life, profile: str, said: RenewalInfo, time: timedelta) -> None:
    """See that all was well, and a certificate renewed as often as it had to be."""
    found, between = life.renewals(life.name), pauses(life)
    at_once = 1 if said == "past" else 0
    shortest, longest = expected(profile, said)
    assert time // longest + at_once <= len(found) <= time // shortest + at_once
    assert all(one < HOUR for one in between[:at_once])
    assert all(shortest - SECONDS <= one <= longest + LATE for one in between[at_once:])
    assert life.margin(life.name) >= PROFILES[profile] - longest - LATE
    assert life.margin("internal") >= 29 * DAY
    assert not any(life.problems)
    assert life.limits.refused == []
    assert life.limits.failures.total() == 0
    assert len(life.limits.orders) == len(found) + 1
    if said == "on":
        check_chosen(life)


def check_chosen(life: Life) -> None:
    """See that one time was chosen for each, within its window, and kept over restarts.

    Pebble 2.10 finds no order to replace for a certificate whose serial number has a zero octet
    in front of it in DER.
    """
    seen = life.current[life.name]
    replaced = [(old, new) for old, new in pairwise(seen) if old.serial != new.serial]
    for (old, new), order in zip(replaced, life.limits.orders[1:], strict=True):
        (chosen,) = life.chosen[old.serial]
        assert -SECONDS <= new.at - datetime.fromisoformat(chosen) <= LATE
        assert order.exempt is (old.serial.bit_length() % 8 != 0)


@pytest.mark.parametrize(
    ("profile", "said", "days"),
    [
        ("classic", "off", 400),
        ("classic", "past", 80),
        ("shortlived", "missing", 10),
        ("tlsserver", "far", 70),
        ("shortlived", "on", 40),
        ("shortlived", "past", 20),
        ("shortlived", "garbage", 10),
    ],
)
def test_certificates_are_renewed_in_time(
    make_life: MakeLife, profile: str, said: RenewalInfo, days: int
) -> None:
    """By what the CA says if that makes sense; else by their lifetime. Restarts change nothing."""
    life = make_life(profile=profile)
    assert life.machine
    life.machine.renewal_info = said
    ask_daily(life.machine)
    life.up()
    life.live(days * DAY, restart_every=7)
    check(life, profile, said, days * DAY)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("said", get_args(RenewalInfo))
@pytest.mark.parametrize("profile", PROFILES)
def test_certificates_are_renewed_in_time_for_400_days(
    make_life: MakeLife, profile: str, said: RenewalInfo
) -> None:
    """As before, with all there is to say, and a CA that is asked four times a day."""
    life = make_life(profile=profile)
    assert life.machine
    life.machine.renewal_info = said
    life.up()
    life.live(400 * DAY, restart_every=7)
    check(life, profile, said, 400 * DAY)


def test_what_a_ca_wants_renewed_is_renewed_once(make_life: MakeLife) -> None:
    """As at a mass revocation: at the next look, with the reason, and then no more."""
    life = make_life()
    assert life.machine
    ask_daily(life.machine)
    life.up()
    life.live(10 * DAY)
    assert life.renewals(life.name) == []
    life.machine.renewal_info = "past"
    wanted = life.now
    life.live(2 * DAY)
    assert [one.at - wanted <= DAY for one in life.renewals(life.name)] == [True]
    life.machine.renewal_info = "on"
    life.live(50 * DAY, restart_every=7)
    assert len(life.renewals(life.name)) == 1
    life.live(15 * DAY)
    assert len(life.renewals(life.name)) == 2
    assert life.limits.refused == []
    assert not any(life.problems)


def test_a_lan_cell_lives_without_a_word_to_the_network(make_cell: MakeCell) -> None:
    """For 400 days, in a process whose every attempt to speak would be heard."""
    cell = make_cell("lan", caddy=False)
    program = [sys.executable, "-m", "tests.heartbeat.silence", str(cell.root), "400"]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=100)
    told = json.loads(done.stdout)
    assert told["lived"] == []
    assert told["control"] == ["socket.connect"]
    assert told["renewed"] == 2 * (400 // 60)


def test_a_lan_cell_has_valid_certificates_for_years(make_life: MakeLife) -> None:
    """Each is renewed at two thirds of its life, whatever process looks after the cell."""
    life = make_life("lan")
    life.up()
    life.live(400 * DAY, restart_every=7)
    assert len(life.current) == 2
    for lineage in life.current:
        assert len(life.renewals(lineage)) == 400 // 60
        assert life.margin(lineage) >= 29 * DAY
    assert not any(life.problems)
