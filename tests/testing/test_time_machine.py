"""The time machine: a CA whose clients live in another time."""

import datetime as dt
import email.utils
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from picdns_core.testing import Answer, LocalInternet, Pebble, TimeMachine
from picdns_core.testing.pytest_plugin import CaddyFactory
from picdns_core.testing.renewal_times import NONSENSE, certificate_id, suggested
from tests.testing.acme_client import AcmeClient, Downloaded

DAY = dt.timedelta(days=1)
THEN = dt.datetime(2031, 5, 17, 12, 30, 15, tzinfo=dt.UTC)


@pytest.fixture
def machine(local_internet: LocalInternet) -> Iterator[TimeMachine]:
    """A machine before the CA of all tests."""
    with local_internet.time_machine(local_internet.pebble) as machine:
        machine.now = THEN
        yield machine


@pytest.fixture
def client(
    machine: TimeMachine, caddy: CaddyFactory, caddyfile: Callable[..., Path], webroot: Path
) -> Iterator[AcmeClient]:
    """An account at the CA, whose answers are served."""
    caddy(caddyfile())
    client = AcmeClient(machine.directory, machine.ca_bundle, webroot)
    yield client
    client.net.session.close()


def get(machine: TimeMachine, url: str) -> requests.Response:
    """Ask without an account."""
    return requests.get(url, verify=str(machine.ca_bundle), timeout=10)


@pytest.fixture
def renewal_info(machine: TimeMachine) -> Callable[[Downloaded], requests.Response]:
    """Ask for the renewal info of a certificate, at the URL that the CA itself announces."""
    with_all = get(machine, machine.directory).json()
    if "renewalInfo" not in with_all:
        pytest.skip("this Pebble is too old for renewal info")
    return lambda issued: get(machine, f"{with_all['renewalInfo']}/{certificate_id(issued.leaf)}")


def past(machine: TimeMachine, pebble: Pebble, client: AcmeClient, url: str) -> requests.Response:
    """Fetch what belongs to an account from the CA itself, past the machine."""
    nonce = client.net._get_nonce(url, client.acme.directory["newNonce"])
    return requests.post(
        url.replace(machine.url, pebble.directory.removesuffix("/dir")),
        data=client.net._wrap_in_jws(None, nonce, url),
        headers={"Host": machine.address, "Content-Type": "application/jose+json"},
        verify=str(pebble.ca_bundle),
        timeout=10,
    )


def original(net: LocalInternet, machine: TimeMachine, client: AcmeClient, url: str) -> Downloaded:
    """Return a certificate as it was issued."""
    return Downloaded(past(machine, net.pebble, client, url).text, url)


def test_a_certificate_is_dated_by_the_time_pretended(
    local_internet: LocalInternet, machine: TimeMachine, client: AcmeClient
) -> None:
    """Its dates move by whole seconds, and nothing else about it changes but the issuer."""
    issued = client.issue("dated.home.test")
    before = original(local_internet, machine, client, issued.url).leaf
    leaf = issued.leaf
    assert dt.timedelta() <= THEN - leaf.not_valid_before_utc < dt.timedelta(seconds=20)
    assert (
        leaf.not_valid_after_utc - leaf.not_valid_before_utc
        == before.not_valid_after_utc - before.not_valid_before_utc
    )
    assert leaf.serial_number == before.serial_number
    assert leaf.subject == before.subject
    assert leaf.public_key() == before.public_key()
    assert list(leaf.extensions) == list(before.extensions)
    assert certificate_id(leaf) == certificate_id(before)
    assert leaf.issuer != before.issuer


def test_a_chain_leads_to_the_root_of_the_machine(machine: TimeMachine, client: AcmeClient) -> None:
    """Two independent verifiers follow it, at the time pretended."""
    leaf, issuer = client.issue("chain.home.test").certificates
    root = x509.load_pem_x509_certificate(machine.root.encode())
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    name = x509.DNSName("chain.home.test")
    policy = PolicyBuilder().store(Store([root])).time(THEN + DAY)
    verified = policy.build_server_verifier(name).verify(leaf, [issuer])
    assert verified == [leaf, issuer, root]


def test_a_certificate_stays_as_it_was(machine: TimeMachine, client: AcmeClient) -> None:
    """A later download gives the same bytes, and is not counted."""
    issued = client.issue("again.home.test")
    machine.now += 30 * DAY
    assert client.post_as_get(issued.url).text == issued.chain
    (renewed,) = machine.renewed
    assert renewed.names == {"again.home.test"}
    assert renewed.serial == issued.leaf.serial_number
    assert renewed.not_before == issued.leaf.not_valid_before_utc
    assert renewed.not_after == issued.leaf.not_valid_after_utc
    assert renewed.issued_at == THEN


def test_the_next_certificate_is_younger(machine: TimeMachine, client: AcmeClient) -> None:
    """After a jump, what is issued begins later by as much."""
    client.issue("next.home.test")
    machine.now += 60 * DAY
    client.issue("next.home.test")
    first, second = machine.renewed
    assert second.issued_at - first.issued_at == 60 * DAY
    assert abs(second.not_before - first.not_before - 60 * DAY) < dt.timedelta(seconds=20)


def test_alternate_chains_are_not_offered(
    local_internet: LocalInternet,
    caddy: CaddyFactory,
    caddyfile: Callable[..., Path],
    webroot: Path,
) -> None:
    """Where the CA has further roots, nobody hears of them; other links stay."""
    caddy(caddyfile())
    with (
        local_internet.new_pebble(alternate_roots=1) as pebble,
        local_internet.time_machine(pebble) as machine,
    ):
        client = AcmeClient(machine.directory, machine.ca_bundle, webroot)
        issued = client.issue("alternate.home.test")
        assert "alternate" in past(machine, pebble, client, issued.url).headers["Link"]
        assert "alternate" not in client.post_as_get(issued.url).headers["Link"]
        assert "index" in client.post_as_get(issued.url).headers["Link"]
        client.net.session.close()


def test_every_reply_has_the_date(machine: TimeMachine, client: AcmeClient) -> None:
    """Also those that the CA did not make."""
    client.order("date.home.test")
    machine.on("GET", "/dir", Answer(503))
    assert get(machine, machine.directory).status_code == 503
    for reply in (*client.replies, get(machine, machine.directory)):
        assert email.utils.parsedate_to_datetime(reply.headers["Date"]) == THEN


def test_orders_expire_in_the_time_pretended(machine: TimeMachine, client: AcmeClient) -> None:
    """A client that looks at the date of an order finds it in its own future."""
    order = client.order("expires.home.test")
    authorization = client.post_as_get(order.authorizations[0]).json()
    assert order.expires
    for expires in (order.expires, dt.datetime.fromisoformat(authorization["expires"])):
        assert THEN < expires < THEN + 2 * DAY


def test_a_date_to_retry_after_is_in_the_time_pretended(
    local_internet: LocalInternet,
    caddy: CaddyFactory,
    caddyfile: Callable[..., Path],
    webroot: Path,
) -> None:
    """Seconds stay seconds, and dates move: the CA throws a coin for which it says."""
    caddy(caddyfile())
    said: set[str] = set()
    with (
        local_internet.new_pebble(retry_after=(0, 600)) as pebble,
        local_internet.time_machine(pebble) as machine,
    ):
        machine.now = THEN
        client = AcmeClient(machine.directory, machine.ca_bundle, webroot)
        for number in range(40):
            client.issue(f"retry{number}.home.test")
            said = {str(reply.headers.get("Retry-After", "600")) for reply in client.replies}
            if len(said) > 1:
                break
        client.net.session.close()
    dates = [email.utils.parsedate_to_datetime(one) for one in said - {"600"}]
    assert dates
    assert all(abs(date - THEN) < dt.timedelta(seconds=620) for date in dates)


def test_the_moment_needs_a_time_zone(machine: TimeMachine) -> None:
    """A naive time could be anywhere."""
    with pytest.raises(ValueError, match="time zone"):
        machine.now = THEN.replace(tzinfo=None)
    machine.now = THEN.astimezone(dt.timezone(dt.timedelta(hours=5)))
    assert machine.now.utcoffset() == dt.timedelta()


def window(reply: requests.Response) -> tuple[dt.datetime, dt.datetime]:
    """Return the window in a reply."""
    found = suggested(reply.content)
    assert found
    return found


def test_renewal_info_moves_with_the_certificate(
    local_internet: LocalInternet,
    machine: TimeMachine,
    client: AcmeClient,
    renewal_info: Callable[[Downloaded], requests.Response],
) -> None:
    """The window moves by as much as the dates, wherever the machine has gone meanwhile."""
    issued = client.issue("ari.home.test")
    machine.now += 10 * DAY
    reply = renewal_info(issued)
    before = original(local_internet, machine, client, issued.url).leaf
    shift = issued.leaf.not_valid_before_utc - before.not_valid_before_utc
    there = reply.url.replace(machine.url, f"https://127.0.0.1:{local_internet.pebble.port}")
    true = window(get(machine, there))
    assert window(reply) == (true[0] + shift, true[1] + shift)
    assert issued.leaf.not_valid_before_utc < window(reply)[0] < issued.leaf.not_valid_after_utc
    assert reply.headers["Retry-After"] == "21600"
    assert reply.json()["suggestedWindow"]["start"].endswith("Z")


def test_renewal_info_can_lie(
    machine: TimeMachine,
    client: AcmeClient,
    renewal_info: Callable[[Downloaded], requests.Response],
) -> None:
    """In the past of the time pretended, or far beyond the end of the certificate."""
    issued = client.issue("lie.home.test")
    machine.now += 10 * DAY
    machine.renewal_info = "past"
    start, end = window(renewal_info(issued))
    assert start < end < machine.now
    machine.renewal_info = "far"
    assert window(renewal_info(issued))[0] > issued.leaf.not_valid_after_utc + 300 * DAY
    machine.renewal_info = "on"
    assert machine.now < window(renewal_info(issued))[0] < issued.leaf.not_valid_after_utc


def test_renewal_info_can_be_absent(
    machine: TimeMachine,
    client: AcmeClient,
    renewal_info: Callable[[Downloaded], requests.Response],
) -> None:
    """Not announced at all, or announced and not found."""
    issued = client.issue("absent.home.test")
    machine.renewal_info = "off"
    assert "renewalInfo" not in get(machine, machine.directory).json()
    assert renewal_info(issued).status_code == 404
    machine.renewal_info = "missing"
    assert "renewalInfo" in get(machine, machine.directory).json()
    assert renewal_info(issued).status_code == 404


def test_renewal_info_can_be_nonsense(
    machine: TimeMachine,
    client: AcmeClient,
    renewal_info: Callable[[Downloaded], requests.Response],
) -> None:
    """One after the other, each without a window."""
    issued = client.issue("nonsense.home.test")
    machine.renewal_info = "garbage"
    replies = [renewal_info(issued) for _ in NONSENSE]
    assert [reply.text for reply in replies] == list(NONSENSE)
    assert {reply.status_code for reply in replies} == {200}
    assert {suggested(reply.content) for reply in replies} == {None}


def test_a_cell_can_be_pointed_at_it(local_internet: LocalInternet, machine: TimeMachine) -> None:
    """The settings of a cell name the machine's directory and what verifies it."""
    acme = local_internet.settings(machine)["acme"]
    reply = requests.get(acme["directory"], verify=acme["ca_bundle"], timeout=10)
    assert reply.json()["newOrder"].startswith(machine.url)
