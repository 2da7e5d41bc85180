"""When addresses are due to be sent, at clocks and caches that cannot be trusted."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest
from msgspec.structs import replace

from picdns_core import Addresses
from picdns_core.address.due import due, obstacle
from picdns_core.address.standing import UNKNOWN, Standing
from picdns_core.errors import AddressDisputed
from picdns_core.store.published import Pair, Published, Repair

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOME = Addresses(ipv4=IPv4Address("203.0.113.7"), ipv6=IPv6Address("2001:db8::7"))
ONLY_IPV4 = Addresses(ipv4=HOME.ipv4)
SHOWN = Standing(kind="shown")
REMEMBERED = Standing(kind="absent", there=("203.0.113.8",), fresh=False)


def published(updated: timedelta) -> Published:
    """Return what is on disk so long after an update that was confirmed."""
    return Published(
        mode="duckdns", domain="home.test", confirmed=Pair.of(HOME), updated_at=NOW - updated
    )


def sent(ago: timedelta, *, accepted: bool) -> Published:
    """Return what is on disk so long after something was sent, and perhaps accepted."""
    return Published(
        mode="duckdns",
        domain="home.test",
        sent=Pair.of(HOME),
        sent_at=NOW - ago,
        accepted=accepted,
        updated_at=NOW - ago if accepted else None,
    )


@pytest.mark.parametrize(("since", "expected"), [(59 * MINUTE, None), (HOUR, "drifted")])
def test_what_a_resolver_remembers_is_no_drift(since: timedelta, expected: str | None) -> None:
    """Until it is longer ago than anybody remembers, what it does not show may be there."""
    assert due(published(since), HOME, REMEMBERED, NOW) == expected


@pytest.mark.parametrize(("since", "expected"), [(DAY, None), (25 * DAY, "old"), (-DAY, "old")])
def test_a_time_to_come_is_as_good_as_none(since: timedelta, expected: str | None) -> None:
    """Where the clock was wrong then, or is now, sending once more does no harm."""
    assert due(published(since), HOME, SHOWN, NOW) == expected


@pytest.mark.parametrize("accepted", [True, False])
def test_a_clock_set_back_does_not_hold_up_what_was_sent(*, accepted: bool) -> None:
    """A time of sending that is still to come keeps nobody waiting."""
    absent = Standing(kind="absent")
    assert due(sent(-DAY, accepted=accepted), HOME, absent, NOW) == "unconfirmed"


@pytest.mark.parametrize(("accepted", "expected"), [(True, None), (False, "unconfirmed")])
def test_silence_of_dns_is_a_reason_only_where_the_service_did_not_agree(
    *, accepted: bool, expected: str | None
) -> None:
    """What it has agreed to is there, as far as anybody can say."""
    assert due(sent(HOUR, accepted=accepted), HOME, UNKNOWN, NOW) == expected


def test_a_family_that_is_not_found_is_no_change() -> None:
    """And nothing at all is no reason for anything but to say that we are still there."""
    assert due(published(DAY), ONLY_IPV4, SHOWN, NOW) is None
    assert due(published(24 * DAY), Addresses(), SHOWN, NOW) is None
    assert due(published(25 * DAY), Addresses(), SHOWN, NOW) == "old"
    assert due(replace(published(99 * DAY), confirmed=Pair()), Addresses(), SHOWN, NOW) is None


def test_whoever_asks_for_it_does_not_wait() -> None:
    """What was sent a moment ago is sent again."""
    absent = Standing(kind="absent")
    kept = sent(MINUTE, accepted=True)
    assert due(kept, HOME, absent, NOW) is None
    assert due(kept, HOME, absent, NOW, at_once=True) == "unconfirmed"


def repaired(there: str, *hours_ago: float) -> Published:
    """Return what is on disk after repairs, each so long ago, of what stood there instead."""
    repairs = tuple(
        Repair(at=NOW - hours * HOUR, there=(there,), changed=True) for hours in hours_ago
    )
    return replace(published(DAY), repairs=repairs)


@pytest.mark.parametrize(
    ("kept", "disputed"),
    [
        (repaired("203.0.113.8", 1), False),
        (repaired("203.0.113.8", 1, 2), True),
        (repaired("203.0.113.9", 1, 2), False),
        (repaired("203.0.113.8", 1, 7 * 24), False),
    ],
)
def test_only_the_same_wrong_address_again_and_again_is_a_dispute(
    kept: Published, *, disputed: bool
) -> None:
    """Each wrong address is put right twice a week; one that is new was nobody's yet."""
    wrong = Standing(kind="absent", there=("203.0.113.8",))
    found = obstacle(kept, "drifted", wrong, NOW, "DuckDNS")
    assert isinstance(found, AddressDisputed) == disputed
