"""What the hooks of duckdns do to a name, seen in DNS."""

import pytest

from picdns_core import (
    Addresses,
    AuthenticationFailed,
    ConfigError,
    ForeignName,
    ProviderUnavailable,
    Publication,
    Registration,
    Secret,
    TxtRecord,
    explain,
)
from picdns_core.testing import Cut
from tests.duckdns.conftest import CHALLENGE, CellAtDuckDns, published


def test_register_rehearses_and_leaves_nothing(cell: CellAtDuckDns) -> None:
    """A TXT value is written and cleared, twice as well as once; addresses are not touched."""
    cell.update_ip("192.0.2.1")
    for _ in range(2):
        assert cell.register() == Registration(domain="home.duckdns.org")
    assert cell.asked()[1:] == ["txt=picdns-rehearsal", "txt=&clear=true"] * 2
    assert cell.records() == published("A", "192.0.2.1")


@pytest.mark.parametrize("part", ["token", "name"])
def test_register_finds_what_is_wrong(cell: CellAtDuckDns, part: str) -> None:
    """At setup and not at the renewal; DuckDNS does not say which, so the message names both."""
    if part == "token":
        cell.token = "00000000-0000-0000-0000-000000000000"
    else:
        cell.domain = "nobodys.duckdns.org"
    label = cell.domain.partition(".")[0]
    with pytest.raises(AuthenticationFailed) as failure:
        cell.register()
    assert failure.value.message == (
        f"DuckDNS refuses to change {label}.duckdns.org, and gives no reason: the token is wrong, "
        f"or the account that it belongs to has no subdomain {label}. What is served stays so."
    )
    assert "https://www.duckdns.org" in failure.value.hint


@pytest.mark.parametrize(
    "domain",
    ["duckdns.org", "home.example.org", "homeduckdns.org", "home.duckdns.org.example.org"],
)
def test_a_name_elsewhere_is_a_wrong_setting(cell: CellAtDuckDns, domain: str) -> None:
    """It is said before DuckDNS is asked."""
    cell.domain = domain
    with pytest.raises(ConfigError, match=r"is no name below duckdns\.org") as failure:
        cell.register()
    assert failure.value.key == "domain_name"
    assert cell.asked() == []


def test_a_missing_token_is_a_missing_setting(cell: CellAtDuckDns) -> None:
    """As when its file was lost."""
    cell.token = ""
    with pytest.raises(ConfigError, match="is missing") as failure:
        cell.register()
    assert failure.value.key == "ddns.token"


def test_an_empty_token_is_not_sent(cell: CellAtDuckDns) -> None:
    """As of a file that was truncated."""
    by = cell.by()
    by["secrets"].put("token", Secret(""))
    with pytest.raises(ConfigError, match="is malformed") as failure:
        cell.provider.teardown(**by)
    assert failure.value.key == "ddns.token"
    assert cell.stand_in.requests == []


@pytest.mark.parametrize("token", ["with space", "a&txt=b", "line\n", "élan", "../update?x="])
def test_a_malformed_token_is_not_sent(cell: CellAtDuckDns, token: str) -> None:
    """It would be a part of the URL; it is not repeated either, not even where it is short."""
    cell.token = token
    for act in (cell.register, lambda: cell.update_ip("192.0.2.1"), cell.publisher, cell.teardown):
        with pytest.raises(ConfigError) as failure:
            act()
        assert failure.value.key == "ddns.token"
        assert failure.value.message == (
            "ddns.token: the DuckDNS token is malformed: it has letters, digits and hyphens only. "
            "Nothing was sent."
        )
        assert token not in str(failure.value)
    assert cell.stand_in.requests == []


def test_what_a_killed_registration_wrote_is_cleared(cell: CellAtDuckDns) -> None:
    """By the teardown of a claim that has nothing but the domain."""
    cell.stand_in.on("GET", "clear=true", Cut(), first=3)
    with pytest.raises(ProviderUnavailable):
        cell.register()
    assert cell.records() == published("TXT", "picdns-rehearsal")
    assert cell.teardown() is True
    assert cell.records() == {}


def test_a_claim_elsewhere_has_nothing_to_clear(cell: CellAtDuckDns) -> None:
    """As after a domain that was misspelt: it must not be torn down for ever."""
    cell.domain = "home.example.org"
    assert cell.teardown() is False
    assert cell.asked() == []


def test_an_api_of_a_wrong_form_is_answered_with_an_example(cell: CellAtDuckDns) -> None:
    """And never asked: the token would be readable on the way."""
    settings = cell.provider.mode.settings
    with pytest.raises(ConfigError) as failure:
        explain.convert({"api_url": "http://www.duckdns.org"}, settings, "ddns")
    assert failure.value.message == (
        "ddns.api_url: does not have the right form; give it as https://www.duckdns.org."
    )


def test_of_a_name_further_below_only_the_label_is_sent(cell: CellAtDuckDns) -> None:
    """DuckDNS knows no other; the name has what the label has."""
    cell.domain = "a.home.duckdns.org"
    cell.register()
    cell.update_ip("192.0.2.1")
    cell.publish("one", "_acme-challenge.a.home.duckdns.org")
    assert all("domains=home&" in one.target for one in cell.stand_in.requests)
    assert cell.records() == published("A", "192.0.2.1") | published("TXT", "one")


def test_update_says_whether_anything_is_new(cell: CellAtDuckDns) -> None:
    """Both families at once, then the same again."""
    first, again = (cell.update_ip("192.0.2.1", "2001:db8::1") for _ in range(2))
    assert (first.changed, again.changed) == (True, False)
    assert str(first.addresses.ipv4) == "192.0.2.1"
    assert first.addresses == again.addresses
    assert cell.records() == published("A", "192.0.2.1") | published("AAAA", "2001:db8::1")


def test_an_unknown_family_is_left_alone(cell: CellAtDuckDns) -> None:
    """It is not sent, and with none known nothing is: DuckDNS would detect one by itself."""
    cell.update_ip("192.0.2.1", "2001:db8::1")
    cell.update_ip(ipv4="192.0.2.2")
    cell.update_ip(ipv6="2001:db8::2")
    assert cell.update_ip() == Publication(addresses=Addresses(), changed=False)
    assert cell.asked()[1:] == ["ip=192.0.2.2", "ipv6=2001%3Adb8%3A%3A2"]
    assert cell.records() == published("A", "192.0.2.2") | published("AAAA", "2001:db8::2")


def test_one_value_at_a_time(cell: CellAtDuckDns) -> None:
    """A name and its wildcard are proven one after the other."""
    publisher = cell.publisher()
    assert publisher.values_per_name == 1
    for value in ("one", "two"):
        record = TxtRecord(name=CHALLENGE, value=value)
        for _ in range(2):
            publisher.publish(record)
        assert cell.records() == published("TXT", value)
        for _ in range(2):
            publisher.withdraw(record)
        assert cell.records() == {}


def test_a_withdrawal_leaves_a_newer_value_alone(cell: CellAtDuckDns) -> None:
    """The older one is gone already, and the CA may be looking for the newer."""
    publisher = cell.publisher()
    old, new = (TxtRecord(name=CHALLENGE, value=value) for value in ("old", "new"))
    publisher.publish(old)
    publisher.publish(new)
    publisher.withdraw(old)
    assert cell.records() == published("TXT", "new")
    publisher.withdraw(new)
    assert cell.records() == {}


def test_a_value_whose_answer_was_lost_counts_as_the_newest(cell: CellAtDuckDns) -> None:
    """It may be there, and is: withdrawing the one before it leaves it alone, its own clears it."""
    publisher = cell.publisher()
    old, new = (TxtRecord(name=CHALLENGE, value=value) for value in ("old", "new"))
    publisher.publish(old)
    cell.stand_in.on("GET", "txt=new", Cut("reply"))
    with pytest.raises(ProviderUnavailable):
        publisher.publish(new)
    publisher.withdraw(old)
    assert cell.records() == published("TXT", "new")
    publisher.withdraw(new)
    assert cell.records() == {}


@pytest.mark.parametrize("name", ["_ACME-Challenge.Home.DuckDNS.org", "HOME.duckdns.ORG"])
def test_the_case_of_a_name_does_not_matter(cell: CellAtDuckDns, name: str) -> None:
    """A CNAME may lead here in capitals (RFC 4343)."""
    cell.publish("one", name)
    assert cell.records() == published("TXT", "one")
    cell.withdraw("one", name)
    assert cell.records() == {}


def test_a_value_is_withdrawn_in_a_new_process(cell: CellAtDuckDns) -> None:
    """And the addresses stay."""
    cell.update_ip("192.0.2.1")
    cell.publish("left-behind")
    cell.withdraw("left-behind")
    assert cell.records() == published("A", "192.0.2.1")


@pytest.mark.parametrize(
    "name", ["_acme-challenge.home.example.org", "other.duckdns.org", "myhome.duckdns.org"]
)
def test_a_foreign_name_is_not_written(cell: CellAtDuckDns, name: str) -> None:
    """Nor is anything removed for it."""
    for act in (cell.publish, cell.withdraw):
        with pytest.raises(ForeignName, match=r"is not below home\.duckdns\.org"):
            act("one", name)
    assert cell.asked() == []


def test_teardown_empties_the_label(cell: CellAtDuckDns) -> None:
    """Addresses and TXT value; the second time there is nothing."""
    cell.update_ip("192.0.2.1", "2001:db8::1")
    cell.publish("one")
    assert cell.teardown() is True
    assert cell.records() == {}
    assert cell.teardown() is False


def test_the_mode_needs_a_token_and_no_other_setting(cell: CellAtDuckDns) -> None:
    """Its name follows from that of the cell."""
    mode = cell.provider.mode
    assert mode.domain_suffix == "duckdns.org"
    assert (mode.wildcard, mode.publishes_addresses, mode.needs_port_80) == (True, True, False)
    assert [(one.name, one.required) for one in mode.secrets] == [("token", True)]
    assert mode.settings() == mode.settings(api_url="https://www.duckdns.org")
