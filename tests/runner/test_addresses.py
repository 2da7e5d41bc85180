"""The addresses of a cell at each service: when they are sent, when not, and when it is over."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from picdns_core import (
    AddressDisputed,
    Addresses,
    AuthenticationFailed,
    Busy,
    PropagationTimeout,
    ProviderUnavailable,
    Secret,
    publishing,
)
from picdns_core.address import Finding
from picdns_core.store.published import Pair
from picdns_core.testing import Answer, Cut, Echoes, Hold, LocalInternet
from picdns_core.testing.services.cloudflare import Cloudflare
from picdns_core.testing.services.pic_ngo import PicNgo
from tests.accounts import ACCOUNTS
from tests.address.house import AWAY, AWAY4, AWAY6, HOME, HOME4, HOME6, House, both
from tests.conftest import MakeCell

every_mode = pytest.mark.parametrize("mode", ACCOUNTS)
DAY, HOUR = timedelta(days=1, minutes=1), timedelta(minutes=61)
STRANGER = both("203.0.113.66", None)

MakeHouse = Callable[[str], House]


@pytest.fixture(scope="module")
def operators(local_internet: LocalInternet) -> Iterator[Echoes]:
    echoes = local_internet.echoes()
    yield echoes
    echoes.close()


@pytest.fixture
def echoes(operators: Echoes) -> Echoes:
    """Four operators who see this cell at home."""
    for echo in operators:
        echo.recover()
    operators.see(ipv4=HOME4, ipv6=HOME6)
    return operators


@pytest.fixture
def house(make_cell: MakeCell, echoes: Echoes, monkeypatch: pytest.MonkeyPatch) -> MakeHouse:
    monkeypatch.setattr(publishing, "_PAUSES", (0.05, 0.1, 0.2, 0.4))

    def make(mode: str) -> House:
        cell = make_cell(mode, caddy=False)
        assert cell.account
        if isinstance(service := cell.account.service, PicNgo):
            service.also_global = ["203.0.113.0/24", "2001:db8::/32"]
        return House(cell, echoes)

    return make


@every_mode
def test_addresses_are_published_at_the_first_look(house: MakeHouse, mode: str) -> None:
    """At the domain and all names below; it is told once, and only when DNS shows them."""
    home = house(mode)
    look = home.keep()
    assert home.in_dns() == home.in_dns("*.") == {HOME4, HOME6}
    assert (look.published, look.reason, look.settled) == (HOME, "changed", True)
    assert look.did == (f"Published {HOME4} and {HOME6}: nothing was known there yet",)
    assert home.changes == [(HOME, Addresses())]


@every_mode
def test_nothing_is_sent_while_nothing_changes(house: MakeHouse, mode: str) -> None:
    """A day of looks asks the service nothing; a new process knows what the last one knew."""
    home = house(mode)
    home.keep()
    asked = home.asked()
    for _ in range(3):
        assert home.keep().did == ()
    home.open()
    assert home.keep(8 * HOUR).settled is True
    assert (home.asked(), len(home.changes)) == (asked, 1)


@every_mode
def test_a_look_at_what_is_right_asks_few(house: MakeHouse, mode: str) -> None:
    """One source and one name server for each family."""
    home = house(mode)
    home.keep()
    for echo in home.echoes:
        echo.asked.clear()
    home.keep()
    assert sorted(home.echoes.asked) == ["ipv4 dns", "ipv6 dns"]


@every_mode
def test_a_new_address_replaces_the_old_one(house: MakeHouse, mode: str) -> None:
    """Of one family alone, and back again: each time it is sent once."""
    home = house(mode)
    home.keep()
    for ipv4 in (AWAY4, HOME4):
        home.echoes.see(ipv4=ipv4, ipv6=HOME6)
        look = home.keep()
        assert home.in_dns() == home.in_dns("*.") == {ipv4, HOME6}
        assert (look.reason, look.published) == ("changed", both(ipv4, HOME6))
        assert home.keep().did == ()
    assert home.changes[1:] == [
        (both(AWAY4, HOME6), HOME),
        (HOME, both(AWAY4, HOME6)),
    ]


@every_mode
def test_what_cannot_be_found_stays_published(house: MakeHouse, mode: str) -> None:
    """One family gone is left alone, and so are both; nothing is sent, and it is not settled."""
    home = house(mode)
    home.keep()
    asked = home.asked()
    home.echoes.see(ipv4=HOME4)
    assert home.keep().did == ()
    home.echoes.see()
    look = home.keep()
    assert (look.did, look.published, look.settled) == ((), HOME, False)
    assert (home.asked(), home.in_dns()) == (asked, {HOME4, HOME6})


@every_mode
def test_behind_carrier_grade_nat_nothing_is_sent(house: MakeHouse, mode: str) -> None:
    """The verdict says so plainly, and stays on disk for the status."""
    home = house(mode)
    asked = home.asked()
    home.echoes.see(ipv4="100.64.3.4")
    look = home.keep()
    assert "shares one address among customers: port forwarding" in look.verdicts[0].text
    assert home.kept.remarks[0].text == look.verdicts[0].text
    assert (look.did, home.asked()) == ((), asked)


@every_mode
def test_one_liar_and_many_liars_change_nothing(house: MakeHouse, mode: str) -> None:
    """A new address needs two operators of whom one proved who it is."""
    home = house(mode)
    home.keep()
    asked = home.asked()
    home.echoes["Alpha"].ipv4 = AWAY4
    for _ in range(4):  # whoever is asked first
        assert home.keep().did == ()
    for number, echo in enumerate(home.echoes):
        echo.ipv4, echo.ipv6 = f"203.0.113.{100 + number}", None
    look = home.keep()
    assert [verdict.kind for verdict in look.verdicts] == ["disagreement"]
    assert (look.did, home.asked()) == ((), asked)


def test_whoever_works_on_the_name_is_left_alone(house: MakeHouse) -> None:
    """As while it is given back: Busy, and the service is asked nothing."""
    home = house("duckdns")
    asked = home.asked()
    with home.store.lock("address", "giving the name back"), pytest.raises(Busy) as caught:
        home.keep()
    assert caught.value.step.startswith("giving the name back")
    assert home.asked() == asked
    assert home.keep().published == HOME


def test_what_others_published_meanwhile_is_not_sent_again(
    house: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes find the same address at the same time: one of them sends it."""
    home = house("duckdns")
    asked, find = home.asked(), home.finder.find

    def others_are_quicker(known: Addresses) -> Finding:
        monkeypatch.setattr(home.finder, "find", find)
        found = find(known)
        assert home.keep(timedelta()).reason == "changed"
        return found

    monkeypatch.setattr(home.finder, "find", others_are_quicker)
    look = home.keep()
    assert (look.did, look.published, home.asked()) == ((), HOME, asked + 1)
    assert home.changes == [(HOME, Addresses())]


def test_a_stop_is_heard_while_dns_is_awaited(
    house: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent is on disk, so the next process confirms it."""
    home = house("duckdns")
    home.account.service.propagation = 3600
    monkeypatch.setattr(publishing, "_PAUSES", (60.0,))
    threading.Timer(0.5, home.cancel.set).start()
    assert home.keep().settled is False
    assert (home.kept.sent, home.kept.accepted) == (Pair(ipv4=HOME4, ipv6=HOME6), True)


@every_mode
def test_drift_is_repaired_at_the_next_look(house: MakeHouse, mode: str) -> None:
    """It is no change of ours, so nobody is told of one."""
    home = house(mode)
    home.keep()
    home.someone_publishes(STRANGER)
    look = home.keep()
    assert (look.reason, look.settled) == ("drifted", True)
    assert look.did == (f"Published {HOME4} and {HOME6}: DNS showed 203.0.113.66 instead",)
    assert (home.in_dns(), len(home.changes)) == ({HOME4, HOME6}, 1)


@every_mode
def test_a_name_that_another_cell_publishes_is_not_fought_for(house: MakeHouse, mode: str) -> None:
    """Put right twice a week; then it is said at each look, and a week later tried again."""
    home = house(mode)
    home.keep()
    for _ in range(2):
        home.someone_publishes(STRANGER)
        assert home.keep().reason == "drifted"
    home.someone_publishes(STRANGER)
    asked = home.asked()
    for _ in range(2):
        with pytest.raises(AddressDisputed) as caught:
            home.keep()
    assert "203.0.113.66" in caught.value.message
    assert HOME4 in caught.value.message
    assert home.asked() == asked
    with pytest.raises(AddressDisputed):
        home.keep(6 * DAY)
    assert home.keep(DAY).reason == "drifted"
    assert home.keep().settled is True


@every_mode
def test_a_dispute_ends_when_dns_shows_our_address(house: MakeHouse, mode: str) -> None:
    """Nothing is sent for that; the next drift of the day is still one too many."""
    home = disputed(house(mode))
    home.someone_publishes(HOME)
    assert home.keep().settled is True
    home.someone_publishes(STRANGER)
    with pytest.raises(AddressDisputed):
        home.keep()


@every_mode
def test_in_a_dispute_a_new_address_is_sent_once(house: MakeHouse, mode: str) -> None:
    """The other one may have stopped long ago; if not, it is left alone again."""
    home = disputed(house(mode))
    home.echoes.see(ipv4=AWAY4, ipv6=AWAY6)
    assert home.keep().published == AWAY
    home.someone_publishes(STRANGER)
    with pytest.raises(AddressDisputed):
        home.keep()


@every_mode
def test_whoever_asks_for_it_ends_a_dispute(house: MakeHouse, mode: str) -> None:
    """The admin has switched the other cell off, and need not wait for a day."""
    home = disputed(house(mode))
    assert home.keep(at_once=True).reason == "drifted"
    home.someone_publishes(STRANGER)
    assert home.keep().reason == "drifted"


def disputed(home: House) -> House:
    home.keep()
    for _ in range(2):
        home.someone_publishes(STRANGER)
        home.keep()
    home.someone_publishes(STRANGER)
    with pytest.raises(AddressDisputed):
        home.keep()
    return home


@every_mode
def test_a_record_that_the_service_does_not_serve_is_told_apart(
    house: MakeHouse, mode: str
) -> None:
    """It says that nothing has changed there: not another cell, but other name servers."""
    home = house(mode)
    home.keep()
    home.account.zone.set(f"{home.domain}.", "A", "203.0.113.66")
    for _ in range(2):
        assert home.keep().settled is False
    with pytest.raises(PropagationTimeout) as caught:
        home.keep()
    assert "203.0.113.66" in caught.value.message
    assert "name servers" in caught.value.hint


@every_mode
def test_what_is_old_is_sent_again(house: MakeHouse, mode: str) -> None:
    """After 25 days, so that no service takes the name for abandoned."""
    home = house(mode)
    home.keep()
    asked = home.asked()
    assert home.keep(24 * DAY).did == ()
    assert home.asked() == asked
    look = home.keep(DAY)
    assert (look.reason, look.settled) == ("old", True)
    assert home.asked() > asked
    assert home.keep().did == ()


@every_mode
@pytest.mark.parametrize("at", ["request", "reply"])
def test_what_a_killed_process_sent_is_known_and_confirmed(
    house: MakeHouse, mode: str, at: str
) -> None:
    """It was on disk before the service was asked; whether it got there, DNS says."""
    home = house(mode)
    hold = Hold(at="request" if at == "request" else "reply")
    home.killed_at(hold, hold.arrived)
    assert (home.kept.confirmed.addresses, home.kept.expected) == (Addresses(), HOME)
    home.open()
    look = home.keep()
    assert (look.published, home.in_dns()) == (HOME, {HOME4, HOME6})
    assert home.changes == [(HOME, Addresses())]


@every_mode
def test_what_is_not_seen_is_sent_again_after_a_while(house: MakeHouse, mode: str) -> None:
    """Not at once: a service may take its time to publish what it has accepted."""
    home = house(mode)
    home.account.service.propagation = 3600
    look = home.keep()
    assert (look.published, look.settled) == (Addresses(), False)
    assert look.did == (
        f"Sent {HOME4} and {HOME6}, not seen in DNS yet: nothing was known there yet",
    )
    asked = home.asked()
    assert home.keep(timedelta(minutes=1)).did == ()
    assert home.asked() == asked
    assert home.keep().reason == "unconfirmed"
    assert (home.asked() > asked, home.changes) == (True, [])


@every_mode
def test_what_dns_shows_later_is_confirmed_without_sending(house: MakeHouse, mode: str) -> None:
    """The next look finds it, and tells."""
    home = house(mode)
    service = home.account.service
    service.propagation = 1.5
    home.keep()
    asked = home.asked()
    deadline = 40
    while not (look := home.keep(timedelta(seconds=1))).did:
        deadline -= 1
        assert deadline
        home.cancel.wait(0.1)
    assert look.did == (f"{HOME4} and {HOME6} is confirmed",)
    assert (home.asked(), home.changes) == (asked, [(HOME, Addresses())])


@every_mode
def test_a_service_that_is_down_is_no_bad_token(house: MakeHouse, mode: str) -> None:
    """What is published stays so, and is still what is known; the next look sends again."""
    home = house(mode)
    home.keep()
    home.echoes.see(ipv4=AWAY4, ipv6=AWAY6)
    service = home.account.service
    service.on("GET", "", Cut())
    service.on("POST|PATCH|PUT", "", Answer(502))
    with pytest.raises(ProviderUnavailable):
        home.keep()
    assert (home.kept.confirmed.addresses, home.in_dns()) == (HOME, {HOME4, HOME6})
    service.faults.clear()
    look = home.keep()
    assert (look.reason, look.published) == ("unconfirmed", AWAY)
    assert home.changes[-1] == (AWAY, HOME)


@every_mode
def test_a_bad_token_is_no_service_that_is_down(house: MakeHouse, mode: str) -> None:
    """What is published stays so; with a good one it goes on."""
    home = house(mode)
    home.keep()
    home.echoes.see(ipv4=AWAY4, ipv6=AWAY6)
    secrets = [one.name for one in home.provider.mode.secrets]
    good = {name: value for name in secrets if (value := home.secrets.get(name))}
    for name in good:
        home.secrets.put(name, Secret("A" * 32))
    with pytest.raises(AuthenticationFailed):
        home.keep()
    assert (home.kept.confirmed.addresses, home.in_dns()) == (HOME, {HOME4, HOME6})
    for name, value in good.items():
        home.secrets.put(name, value)
    assert home.keep().published == AWAY


@every_mode
def test_dns_that_cannot_be_asked_says_nothing(house: MakeHouse, mode: str) -> None:
    """It confirms nothing and shows no drift; what was sent is not sent again for that."""
    home = house(mode)
    good = home.cell.config()["picdns"]["dns"]
    home.cell.set(picdns={"dns": {"roots": ["127.0.0.250"]}})
    home.open()
    look = home.keep()
    assert (look.published, look.settled, home.in_dns()) == (Addresses(), False, {HOME4, HOME6})
    asked = home.asked()
    assert home.keep().did == ()
    assert home.asked() == asked
    home.cell.set(picdns={"dns": good})
    home.open()
    assert home.keep().published == HOME
    assert home.asked() == asked


@every_mode
def test_a_damaged_file_is_as_good_as_none(
    house: MakeHouse, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and the addresses are published anew."""
    home = house(mode)
    home.keep()
    home.file.write_text(home.file.read_text().replace(HOME4, "203.0.113.777"))
    with caplog.at_level(logging.WARNING):
        assert home.keep().reason == "changed"
    assert "damaged" in caplog.text
    assert home.kept.confirmed.addresses == HOME


def test_a_renamed_cell_begins_anew(house: MakeHouse) -> None:
    """What was published at the former name says nothing of the new one."""
    home = house("cloudflare")
    home.keep()
    home.cell.set(cell_name=f"{home.config.cell.name}-b", domain_name=f"b-{home.domain}")
    home.open()
    look = home.keep()
    assert (look.reason, home.in_dns()) == ("changed", {HOME4, HOME6})
    assert home.changes == [(HOME, Addresses())] * 2


def test_foreign_records_may_stand_beside_ours(house: MakeHouse) -> None:
    """Ours is among what DNS shows: nothing is to be done."""
    home = house("cloudflare")
    home.keep()
    cloudflare = home.account.service
    assert isinstance(cloudflare, Cloudflare)
    cloudflare.add_record("home.test", "A", home.domain, "203.0.113.66", comment="by hand")
    asked = home.asked()
    assert home.keep().settled is True
    assert home.asked() == asked


def proxied(home: House) -> Cloudflare:
    """Switch the orange cloud on, as somebody at the dashboard."""
    cloudflare = home.account.service
    assert isinstance(cloudflare, Cloudflare)
    for name in (home.domain, f"*.{home.domain}"):
        cloudflare.add_record(
            "home.test",
            "A",
            name,
            "192.0.2.1",
            comment=f"picdns cell {home.config.cell.name}",
            proxied=True,
        )
    return cloudflare


def content(home: House) -> set[str]:
    cloudflare = home.account.service
    assert isinstance(cloudflare, Cloudflare)
    records = cloudflare.records("home.test")
    return {one["content"] for one in records if one["name"].endswith(home.domain)}


def test_the_api_is_asked_for_a_proxied_name_once_an_hour(house: MakeHouse, echoes: Echoes) -> None:
    """DNS shows Cloudflare's own addresses, which tell nothing of what is behind them."""
    echoes.see(ipv4="192.0.2.7")
    home = house("cloudflare")
    proxied(home)
    look = home.keep()
    assert (look.reason, look.published, look.settled) == ("changed", both("192.0.2.7", None), True)
    assert (content(home), "192.0.2.7" in home.in_dns()) == ({"192.0.2.7"}, False)
    asked = home.asked()
    assert home.keep(timedelta(minutes=55)).settled is True
    assert home.asked() == asked
    look = home.keep(timedelta(minutes=6))
    assert (look.did, look.reason, look.settled) == ((), None, True)
    assert home.asked() > asked


def test_drift_behind_a_proxy_is_repaired_within_the_hour(house: MakeHouse, echoes: Echoes) -> None:
    """The API shows it; a third time within a week is a dispute."""
    echoes.see(ipv4="192.0.2.7")
    home = house("cloudflare")
    proxied(home)
    home.keep()
    stranger = both("192.0.2.66", None)
    for _ in range(2):
        home.someone_publishes(stranger)
        look = home.keep(HOUR)
        assert (look.reason, content(home)) == ("drifted", {"192.0.2.7"})
        assert look.did == ("Published 192.0.2.7: behind the proxy there was another one",)
    home.someone_publishes(stranger)
    with pytest.raises(AddressDisputed, match="hidden by"):
        home.keep(HOUR)
    assert content(home) == {"192.0.2.66"}
