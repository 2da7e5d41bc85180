"""Let's Encrypt's limits: reached at their numbers, refilled by time, and who is exempt."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acme import messages

from picdns_core.testing import LetsEncryptLimits, LocalInternet, TimeMachine
from picdns_core.testing.pytest_plugin import CaddyFactory
from picdns_core.testing.rate_limits import DOMAIN, EXACT_SET, FAILURES, ORDERS, network_of
from picdns_core.testing.renewal_times import certificate_id
from tests.testing.acme_client import AcmeClient

THEN = dt.datetime(2031, 5, 17, 12, 30, 15, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def machine(local_internet: LocalInternet) -> Iterator[TimeMachine]:
    """The clock of the limits, and the proxy that they are at."""
    with local_internet.time_machine(local_internet.pebble) as machine:
        machine.now = THEN
        yield machine


@pytest.fixture
def limits(machine: TimeMachine) -> LetsEncryptLimits:
    """The limits, which nobody has come near."""
    limits = LetsEncryptLimits(lambda: machine.now)
    machine.on(".*", ".*", limits)
    return limits


@pytest.fixture
def new_client(
    machine: TimeMachine, caddy: CaddyFactory, caddyfile: Callable[..., Path], webroot: Path
) -> Iterator[Callable[[], AcmeClient]]:
    """Make accounts, whose answers are served."""
    caddy(caddyfile())
    made: list[AcmeClient] = []

    def make() -> AcmeClient:
        made.append(AcmeClient(machine.directory, machine.ca_bundle, webroot))
        return made[-1]

    yield make
    for client in made:
        client.net.session.close()


@pytest.fixture
def client(limits: LetsEncryptLimits, new_client: Callable[[], AcmeClient]) -> AcmeClient:
    """An account under the limits."""
    return new_client()


@pytest.fixture
def look(machine: TimeMachine, client: AcmeClient) -> Callable[[str], None]:
    """Ask when to renew a certificate."""
    if "renewalInfo" not in client.acme.directory.to_partial_json():
        pytest.skip("this Pebble is too old for renewal info")

    def ask(certificate: str) -> None:
        url = client.acme.directory["renewalInfo"]
        assert client.net.get(f"{url}/{certificate}").ok

    return ask


def replaceable(machine: TimeMachine, client: AcmeClient, name: str) -> str:
    """Issue until the certificate is one that can be replaced, and one of five is spent.

    Pebble 2.10 does not find the order of a certificate whose serial number begins with a zero
    octet in DER, about one in 256.
    """
    for _ in range(40):
        machine.now += 2 * DAY
        leaf = client.issue(name).leaf
        if leaf.serial_number.bit_length() % 8:
            return certificate_id(leaf)
    raise AssertionError("The CA issues no certificate that it lets be replaced.")


def refused(client: AcmeClient, *names: str, replaces: str | None = None) -> str:
    """Order in vain, and return why."""
    with pytest.raises(messages.Error, match="rateLimited") as raised:
        client.order(*names, replaces=replaces)
    return str(raised.value.detail)


def test_the_sixth_certificate_for_a_set_is_refused(
    machine: TimeMachine, limits: LetsEncryptLimits, client: AcmeClient
) -> None:
    """Whatever the order of the names; another set is free, and a seventh of a week gives one."""
    for _ in range(5):
        client.issue("a.five.test.home.test", "b.five.test.home.test")
    assert not limits.refused
    detail = refused(client, "b.five.test.home.test", "a.five.test.home.test")
    assert detail == (
        "too many certificates (5) already issued for this exact set of identifiers in the last"
        " 168h0m0s, retry after 2031-05-18 22:06:15 UTC: see https://letsencrypt.org/docs/"
        "rate-limits/#new-certificates-per-exact-set-of-identifiers"
    )
    (refusal,) = limits.refused
    names = frozenset({"a.five.test.home.test", "b.five.test.home.test"})
    assert (refusal.limit, refusal.identifiers, refusal.at) == (EXACT_SET, names, THEN)
    reply = client.replies[-1]
    assert reply.status_code == 429
    assert reply.headers["Retry-After"] == str(refusal.retry_after) == str(7 * 86400 // 5)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert limits.issued == {names: 5}
    client.order("a.five.test.home.test")

    machine.now += refusal.retry_after * SECOND - SECOND
    refused(client, *names)
    machine.now += SECOND
    client.issue(*names)
    refused(client, *names)


def test_the_sixth_failure_of_an_hour_is_not_reached(
    machine: TimeMachine,
    limits: LetsEncryptLimits,
    client: AcmeClient,
    new_client: Callable[[], AcmeClient],
) -> None:
    """Five failures stop all orders with the name, of this account, for twelve minutes."""
    for _ in range(5):
        client.fail("failing.home.test")
    assert limits.failures == {"failing.home.test": 5}
    detail = refused(client, "innocent.home.test", "failing.home.test")
    assert detail.startswith('too many failed authorizations (5) for "failing.home.test" in the')
    assert limits.refused[0].limit is FAILURES
    assert limits.refused[0].key == "failing.home.test"
    assert limits.refused[0].retry_after == 12 * 60
    client.order("innocent.home.test")
    new_client().order("failing.home.test")

    machine.now += 12 * MINUTE - SECOND
    refused(client, "failing.home.test")
    machine.now += SECOND
    client.fail("failing.home.test")
    refused(client, "failing.home.test")
    machine.now += 60 * MINUTE
    for _ in range(5):
        client.fail("failing.home.test")
    refused(client, "failing.home.test")


def test_a_failure_counts_once(limits: LetsEncryptLimits, client: AcmeClient) -> None:
    """However often the authorization is looked at."""
    order = client.order("looked.home.test")
    client.validate(order, answered=False)
    for _ in range(6):
        client.post_as_get(order.authorizations[0])
    assert limits.failures == {"looked.home.test": 1}


def test_the_fifty_first_certificate_of_a_domain_is_refused(
    machine: TimeMachine, limits: LetsEncryptLimits, client: AcmeClient
) -> None:
    """From any account; renewals of known sets go on, and another comes free in 202 minutes."""
    for number in range(50):
        client.issue(f"n{number}.home.test")
    assert not limits.refused
    detail = refused(client, "one-more.home.test")
    assert detail.startswith(
        'too many certificates (50) already issued for "home.test" in the last'
    )
    assert limits.refused[0].limit is DOMAIN
    client.issue("n7.home.test")
    client.order("www.elsewhere.test")
    machine.now += 201 * MINUTE
    refused(client, "one-more.home.test")
    machine.now += MINUTE
    client.order("one-more.home.test")


def test_the_three_hundred_and_first_order_is_refused(
    machine: TimeMachine,
    limits: LetsEncryptLimits,
    client: AcmeClient,
    new_client: Callable[[], AcmeClient],
) -> None:
    """Finished or not; other accounts go on, and another comes free in 36 seconds."""
    for number in range(300):
        client.order(f"o{number}.home.test")
    assert len(limits.orders) == 300
    assert refused(client, "o.home.test").startswith(
        "too many new orders (300) from this account in the last 3h0m0s, retry after"
    )
    assert limits.refused[0].limit is ORDERS
    assert limits.refused[0].retry_after == 36
    new_client().order("o.home.test")
    machine.now += 35 * SECOND
    refused(client, "o.home.test")
    machine.now += SECOND
    client.order("o.home.test")
    assert len(limits.orders) == 302


def test_an_order_that_the_ca_refuses_does_not_count(
    limits: LetsEncryptLimits, client: AcmeClient
) -> None:
    """Only what was made has to be paid for."""
    with pytest.raises(messages.Error, match=r"rejectedIdentifier|malformed"):
        client.order("not_a_name..home.test")
    assert not limits.orders


@pytest.mark.usefixtures("look")
def test_a_renewal_by_replaces_is_exempt_once(
    machine: TimeMachine, limits: LetsEncryptLimits, client: AcmeClient
) -> None:
    """Even where every other order is refused; the certificate must be known."""
    known = replaceable(machine, client, "exempt.home.test")
    for _ in range(4):
        client.issue("exempt.home.test")
    refused(client, "exempt.home.test")
    refused(client, "exempt.home.test", replaces="AAAA.AAAA")
    before = limits.issued.total()
    client.issue("exempt.home.test", replaces=known)
    assert [order.replaces for order in limits.exempted] == [known]
    refused(client, "exempt.home.test", replaces=known)
    assert limits.issued.total() == before + 1


@pytest.mark.usefixtures("look")
def test_a_renewal_of_something_else_is_not_exempt(
    machine: TimeMachine,
    limits: LetsEncryptLimits,
    client: AcmeClient,
    new_client: Callable[[], AcmeClient],
) -> None:
    """Nor that of another account's certificate."""
    other = replaceable(machine, client, "something.home.test")
    for _ in range(5):
        client.issue("else.home.test")
    refused(client, "else.home.test", replaces=other)
    for _ in range(4):
        client.issue("something.home.test")
    refused(new_client(), "something.home.test", replaces=other)
    assert not limits.exempted


@pytest.mark.usefixtures("look")
def test_a_renewal_that_failed_may_be_tried_again(
    machine: TimeMachine, limits: LetsEncryptLimits, client: AcmeClient
) -> None:
    """The certificate is not replaced by an order that became invalid."""
    replaces = replaceable(machine, client, "retried.home.test")
    for _ in range(4):
        client.issue("retried.home.test")
    client.validate(client.order("retried.home.test", replaces=replaces), answered=False)
    client.issue("retried.home.test", replaces=replaces)
    assert [order.replaces for order in limits.exempted] == [replaces, replaces]


def test_only_a_renewal_within_its_window_is_exempt(
    machine: TimeMachine,
    limits: LetsEncryptLimits,
    client: AcmeClient,
    look: Callable[[str], None],
) -> None:
    """Once renewal info has told a window, the order has to keep to it."""
    replaces = replaceable(machine, client, "window.home.test")
    machine.now += 60 * DAY
    for _ in range(5):
        client.issue("window.home.test")
    machine.renewal_info = "far"
    look(replaces)
    refused(client, "window.home.test", replaces=replaces)
    machine.renewal_info = "on"
    look(replaces)
    client.issue("window.home.test", replaces=replaces)
    assert [order.replaces for order in limits.exempted] == [replaces]


def test_what_a_registered_domain_is_can_be_told(
    machine: TimeMachine, new_client: Callable[[], AcmeClient]
) -> None:
    """So that names below a public suffix do not share their limit."""
    asked: list[str] = []

    def registered(name: str) -> str:
        asked.append(name)
        return name

    machine.on(".*", ".*", LetsEncryptLimits(lambda: machine.now, registered))
    new_client().issue("own.home.test")
    assert set(asked) == {"own.home.test"}


@pytest.mark.parametrize(
    ("name", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8::ffff:0:0:7", "2001:db8::/64"),
        ("home.test", None),
    ],
)
def test_addresses_count_by_network(name: str, counted_as: str | None) -> None:
    """An IPv4 address by itself, and an IPv6 address with its /64."""
    assert network_of(name) == counted_as
