"""The limits of a CA, kept below: counted on disk, over sliding windows."""

import datetime as dt
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from picdns_core import ChallengeFailed, ProviderUnavailable, RateLimited
from picdns_core.clock import Clock
from picdns_core.issuing.budget import Attempt, Budget, Spent
from picdns_core.issuing.together import Together
from picdns_core.store import FileStore
from picdns_core.testing import Answer, FaultProxy, Rewrite
from tests.issuing.ordering import NAME, Ordering, at

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_KEY = ec.generate_private_key(ec.SECP256R1())


def chain(lifetime: timedelta = timedelta(days=90)) -> bytes:
    """Return a certificate that lives so long."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOON)
        .not_valid_after(NOON + lifetime)
    )
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


class Counted:
    """A cell of which only the counting is real; each run begins with the store alone."""

    def __init__(self, root: Path) -> None:
        self.store = FileStore(root)
        self.together: Together[Spent] = Together()
        self.file = root / "data/api/picdns/accounts/ca/budget.json"

    def attempt(self, *names: str, after: timedelta = timedelta()) -> Attempt:
        budget = Budget(self.store, "accounts/ca", Clock(NOON + after), self.together)
        return budget.attempt(names[0], names)

    def get(self, *names: str, after: timedelta = timedelta(), renews: bool = False) -> None:
        """Have a certificate, at the first try."""
        attempt = self.attempt(*names, after=after)
        attempt.order(renews=renews)
        attempt.issued(chain())

    def fail(self, *names: str, after: timedelta = timedelta(), number: int = 0) -> None:
        """Order, and fail to prove any name."""
        attempt = self.attempt(*names, after=after)
        attempt.order(renews=False)
        attempt.answer({f"{name}/{number}/{after}": name.removeprefix("*.") for name in names})
        attempt.gave_up()


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def refused(act: Callable[[], object]) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        act()
    assert "picdns holds back" in caught.value.message
    assert "What is served stays so." in caught.value.message
    return caught.value


@pytest.mark.parametrize("renews", [False, True])
def test_fifth_certificate_for_the_same_names_waits_until_a_week_after_the_first(
    counted: Counted, *, renews: bool
) -> None:
    """In whatever order the names are, and as renewals, too: a CA may lie about when to renew."""
    for day in range(4):
        names = ("a.test", "b.test") if day % 2 else ("b.test", "a.test")
        counted.get(*names, after=timedelta(days=day), renews=renews)
    error = refused(lambda: counted.get("a.test", "b.test", after=timedelta(days=4)))
    assert "4 certificates for a.test, b.test within 7 days" in error.message
    assert error.retry_after == pytest.approx(3 * 86400, abs=60)
    counted.get("a.test", after=timedelta(days=4))
    counted.get("a.test", "b.test", after=timedelta(days=7, minutes=1), renews=renews)
    refused(lambda: counted.get("a.test", "b.test", after=timedelta(days=7, minutes=2)))


def test_forty_sixth_new_certificate_waits_and_renewals_do_not(counted: Counted) -> None:
    """By whatever names."""
    for number in range(45):
        counted.get(f"n{number}.test")
    error = refused(lambda: counted.get("more.test", after=timedelta(days=1)))
    assert "45 new certificates within 7 days" in error.message
    assert error.retry_after == pytest.approx(6 * 86400, abs=60)
    counted.get("n0.test", after=timedelta(days=1), renews=True)
    counted.get("more.test", after=timedelta(days=7, minutes=1))


def test_orders_are_counted_though_nothing_comes_of_them(counted: Counted) -> None:
    """Within three hours."""
    for _ in range(250):
        attempt = counted.attempt("a.test")
        attempt.order(renews=False)
    error = refused(lambda: attempt.order(renews=False))
    assert "250 orders within 3 hours" in error.message
    assert error.retry_after == pytest.approx(3 * 3600, abs=60)
    attempt.order(renews=True)
    counted.attempt("a.test", after=timedelta(hours=3, minutes=1)).order(renews=False)


def test_name_that_failed_four_times_in_an_hour_is_not_ordered(counted: Counted) -> None:
    """The others are; an hour after the first it is again."""
    for number in range(4):
        counted.fail("a.test", after=timedelta(minutes=10 * number))
    error = refused(lambda: counted.get("a.test", after=timedelta(minutes=40)))
    assert "a.test could not be verified 4 times within an hour" in error.message
    assert error.retry_after == pytest.approx(1200, abs=60)
    counted.get("b.test", after=timedelta(minutes=40))
    counted.fail("a.test", after=timedelta(minutes=61))
    refused(lambda: counted.get("a.test", after=timedelta(minutes=62)))


def test_name_and_its_wildcard_fail_as_one_name(counted: Counted) -> None:
    """Two validations each time."""
    for number in range(2):
        counted.fail("a.test", "*.a.test", number=number)
    refused(lambda: counted.get("a.test", "*.a.test"))


def test_failure_is_on_disk_before_the_ca_looks(counted: Counted) -> None:
    """A process that is killed then has failed, as far as the next one can know."""
    for number in range(4):
        attempt = counted.attempt("a.test")
        attempt.order(renews=False)
        attempt.answer({f"url/{number}": "a.test"})
    refused(lambda: counted.attempt("a.test").order(renews=False))
    attempt = counted.attempt("a.test", after=timedelta(minutes=30))
    refused(lambda: attempt.answer({"url/5": "a.test"}))


def test_authorization_that_is_answered_again_can_fail_but_once(counted: Counted) -> None:
    """As when an order is resumed."""
    attempt = counted.attempt("a.test")
    attempt.order(renews=False)
    for _ in range(9):
        counted.attempt("a.test").answer({"url": "a.test"})
    counted.get("a.test")


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_was_proven_has_not_failed(counted: Counted, *, ends_well: bool) -> None:
    """Whatever becomes of the order."""
    for number in range(9):
        attempt = counted.attempt(f"n{number}.test", "a.test")
        attempt.order(renews=False)
        attempt.answer({f"url/{number}": "a.test"})
        attempt.proven(f"url/{number}")
        if ends_well:
            attempt.issued(chain())
        else:
            attempt.gave_up()
    counted.get("a.test")


def test_order_of_which_nothing_came_is_no_certificate(counted: Counted) -> None:
    """Nor is one that was lost by a kill and is sent again."""
    for _ in range(9):
        attempt = counted.attempt("a.test")
        attempt.order(renews=False)
        attempt.gave_up()
    for _ in range(9):
        counted.attempt("a.test").order(renews=False)
    counted.get("a.test")


def test_certificate_of_an_order_that_is_not_in_the_file_counts(counted: Counted) -> None:
    """As when the file was lost while an order was open."""
    for _ in range(4):
        counted.attempt("a.test").issued(chain())
    refused(lambda: counted.get("a.test"))


@pytest.mark.parametrize(("lifetime", "counts"), [(1, 24), (24, 24), (48, 48), (90 * 24, 168)])
def test_certificate_counts_for_as_long_as_it_lives(
    counted: Counted, lifetime: int, counts: int
) -> None:
    """A week at most and a day at least: a CA that issues for a day lets us renew each day."""
    for _ in range(4):
        attempt = counted.attempt("a.test")
        attempt.order(renews=False)
        attempt.issued(chain(timedelta(hours=lifetime)))
    assert refused(lambda: counted.get("a.test")).retry_after == pytest.approx(
        counts * 3600, abs=60
    )
    counted.get("a.test", after=timedelta(hours=counts, minutes=1))


def test_order_that_the_ca_took_as_new_counts_as_new(counted: Counted) -> None:
    """Though it was sent as a renewal."""
    for number in range(45):
        attempt = counted.attempt(f"n{number}.test")
        attempt.order(renews=True)
        attempt.exempt_no_more()
        attempt.issued(chain())
    refused(lambda: counted.get("more.test"))


def test_what_a_wrong_clock_wrote_ends_a_window_after_it_was_mended(counted: Counted) -> None:
    """Not when that clock would have said so, years later."""
    for _ in range(4):
        counted.get("a.test", after=timedelta(days=3650))
    refused(lambda: counted.get("a.test"))
    counted.get("b.test")
    counted.get("a.test", after=timedelta(days=7, minutes=1))


def test_what_counts_no_more_is_dropped(counted: Counted) -> None:
    """The file does not grow over the years."""
    for number in range(20):
        counted.fail(f"n{number}.test")
        counted.get(f"n{number}.test")
    counted.get("a.test", after=timedelta(days=8))
    kept = json.loads(counted.file.read_text())
    assert [len(kept[one]) for one in ("orders", "certificates", "validations")] == [1, 1, 0]


def test_damaged_file_is_as_good_as_none(
    counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning."""
    counted.get("a.test")
    counted.file.write_bytes(b"{")
    with caplog.at_level(logging.WARNING):
        counted.get("a.test")
    assert "budget.json is damaged" in caplog.text
    assert len(json.loads(counted.file.read_text())["certificates"]) == 1


def test_many_threads_count_each_once(counted: Counted) -> None:
    """As many as there is room for."""

    def get(number: int) -> bool:
        try:
            counted.get(f"n{number}.test")
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(get, range(50))) == 45


def no_date(proxy: FaultProxy) -> None:
    """Let the CA not tell the time, so that no clock is wrong."""
    proxy.on(".*", ".*", Rewrite(lambda _, reply: reply.with_headers({"Date": None})))


def test_name_that_the_ca_cannot_verify_is_left_alone_for_an_hour(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """The fifth time, nothing is sent; what the CA counts as failures are four."""
    no_date(proxy)
    for _ in range(4):
        with pytest.raises(ChallengeFailed):
            ordering.obtain(answered=False)
    asked = ordering.asked("/")
    error = refused(ordering.obtain)
    assert error.retry_after is not None
    assert ordering.asked("/") == asked
    assert ordering.obtain(clock=at(hours=1.1))
    assert ordering.asked("/chalZ") == 5


def test_order_that_is_resumed_is_counted_once(ordering: Ordering, proxy: FaultProxy) -> None:
    """However often; and its certificate once."""
    proxy.on("POST", "/finalize-order/", Answer(503))
    for _ in range(6):
        with pytest.raises(ProviderUnavailable):
            ordering.obtain()
    proxy.faults.clear()
    ordering.obtain()
    place = next(one for one in ordering.store.keys("accounts") if one.endswith("budget.json"))
    kept = json.loads(ordering.store.get(place) or b"")
    assert len(kept["orders"]) == 1
    assert [(one["names"], one["open"]) for one in kept["certificates"]] == [([NAME], False)]
    assert kept["validations"] == []
    until = datetime.fromisoformat(kept["certificates"][0]["until"])
    assert until - dt.datetime.now(UTC) > timedelta(days=6)
