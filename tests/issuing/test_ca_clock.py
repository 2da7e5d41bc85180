"""The CA's clock and ours: nothing is ordered by one that is far from the other."""

import pytest

from picdns_core import ClockSkewed, ProviderUnavailable
from picdns_core.testing import Answer, FaultProxy, Rewrite
from tests.issuing.ordering import NAME, Ordering, at


def no_date(proxy: FaultProxy) -> None:
    proxy.on(".*", ".*", Rewrite(lambda _, reply: reply.with_headers({"Date": None})))


@pytest.mark.parametrize(("hours", "said"), [(2, "ahead"), (-2, "behind"), (9000, "ahead")])
def test_nothing_is_ordered_by_a_clock_that_is_wrong(
    ordering: Ordering, hours: float, said: str
) -> None:
    """Neither at first, nor when the clock is set wrong later, nor by an idle connection."""
    for earlier in (False, True):
        if earlier:
            ordering.obtain()
        with pytest.raises(ClockSkewed) as caught:
            ordering.obtain(clock=at(hours=hours))
        assert said in caught.value.message
        assert caught.value.offset == pytest.approx(hours * 3600, abs=10)
        assert ordering.asked("/order-plz") == earlier
    assert ordering.obtain()


@pytest.mark.parametrize("hours", [0.9, -0.9])
def test_clock_that_is_a_little_wrong_is_no_matter(ordering: Ordering, hours: float) -> None:
    """Up to an hour."""
    assert ordering.obtain(clock=at(hours=hours))


def test_ca_that_does_not_tell_the_time_is_believed(ordering: Ordering, proxy: FaultProxy) -> None:
    """No Date header is no skew."""
    no_date(proxy)
    assert ordering.obtain(clock=at(days=1))


def test_order_left_open_is_gone_on_with_by_any_clock(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """What comes back is looked at anyway."""
    proxy.on("POST", "/finalize-order/", Answer(503))
    with pytest.raises(ProviderUnavailable):
        ordering.obtain()
    proxy.faults.clear()
    assert ordering.journal.intent(NAME).order_url
    assert ordering.obtain(clock=at(days=1))
    assert ordering.asked("/order-plz") == 1


def test_each_thread_s_connection_knows_how_wrong_the_clock_is(ordering: Ordering) -> None:
    """Though but one of them has asked for the directory."""
    authority, clock = ordering.authority, at(hours=2)
    with authority.client(clock) as first, authority.client(clock) as second:
        assert first.net is not second.net
        assert second.net.clock_offset == pytest.approx(7200, abs=10)
    assert ordering.asked("/dir") == 1


@pytest.mark.parametrize("hours", [0, 2, -2])
def test_how_wrong_the_clock_is_takes_one_request(ordering: Ordering, hours: float) -> None:
    """Asked anew each time, and without an account."""
    for _ in range(2):
        offset = ordering.authority.clock_offset(at(hours=hours))
        assert offset == pytest.approx(hours * 3600, abs=10)
    assert ordering.asked("/") == 2
    assert ordering.asked("/dir") == 2
    assert ordering.store.keys("accounts") == []


def test_how_wrong_the_clock_is_may_be_unknown(ordering: Ordering, proxy: FaultProxy) -> None:
    """Where the CA does not say, though it did before; and where it cannot be asked."""
    assert ordering.authority.clock_offset(at()) is not None
    no_date(proxy)
    assert ordering.authority.clock_offset(at()) is None
    proxy.on("GET", "/dir", Answer(503))
    with pytest.raises(ProviderUnavailable):
        ordering.authority.clock_offset(at())
