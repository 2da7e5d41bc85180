"""One source asked over DNS, as the operators are asked."""

from typing import Any

import pytest

from picdns_core.address import whoami
from picdns_core.address.sources import of_family
from picdns_core.lookup.wire import NoAnswer
from picdns_core.settings import AddressSettings, AddressSource
from picdns_core.testing import Echoes
from tests.address.conftest import SEEN4, SEEN6

GOOGLE = "o-o.myaddr.l.google.com?type=TXT"
CLOUDFLARE = "whoami.cloudflare?type=TXT;class=CH"
ELSEWHERE = AddressSource(operator="Other", url="https://localhost/")


def ask(url: str, family: Any) -> str:
    sources = (AddressSource(operator="Alpha", url=url), ELSEWHERE)
    source = of_family(AddressSettings(sources=sources), family)[0]
    assert source.question
    return str(whoami.ask(source.question, family))


@pytest.mark.parametrize(
    ("family", "question", "seen"),
    [
        ("ipv4", "myip.opendns.com", SEEN4),
        ("ipv6", "myip.opendns.com?type=AAAA", SEEN6),
        ("ipv4", GOOGLE, SEEN4),
        ("ipv6", GOOGLE, SEEN6),
        ("ipv4", CLOUDFLARE, SEEN4),
        ("ipv6", CLOUDFLARE, SEEN6),
    ],
)
def test_each_operator_is_asked_in_its_way(
    echoes: Echoes, family: Any, question: str, seen: object
) -> None:
    """OpenDNS for an address, Google for text, Cloudflare in the class CH."""
    assert ask(echoes["Alpha"].dns_url(family, question), family) == str(seen)
    assert echoes.asked == [f"{family} dns"]


def test_a_resolver_in_between_is_noticed(echoes: Echoes) -> None:
    """Google then tells the resolver's address, and where the question came from (coturn#2060)."""
    echoes["Alpha"].records = ("edns0-client-subnet 192.0.2.0/24", "192.0.2.53")
    with pytest.raises(NoAnswer, match="2 records instead of one"):
        ask(echoes["Alpha"].dns_url("ipv4", GOOGLE), "ipv4")


@pytest.mark.parametrize("text", ["2001:db8::7", "192.0.2.7, 192.0.2.8", "\\255\\254", ""])
def test_text_that_is_no_address_is_no_answer(echoes: Echoes, text: str) -> None:
    """Nor is an address of the other family."""
    echoes["Alpha"].records = (text,)
    with pytest.raises(NoAnswer, match="does not answer with an address"):
        ask(echoes["Alpha"].dns_url("ipv4", GOOGLE), "ipv4")


def test_a_name_that_is_not_there_is_no_answer(echoes: Echoes) -> None:
    """As a resolver answers that is not OpenDNS."""
    with pytest.raises(NoAnswer, match="NXDOMAIN"):
        ask(echoes["Alpha"].dns_url("ipv4", "www.opendns.com"), "ipv4")


def test_a_server_that_cannot_be_reached_is_no_answer() -> None:
    """As where there is no way; nobody may send to this address."""
    with pytest.raises(NoAnswer, match="cannot be reached"):
        ask("dns://255.255.255.255/myip.opendns.com", "ipv4")


def test_a_name_that_cannot_be_is_no_answer(echoes: Echoes) -> None:
    """It is found out when it is asked, and costs no other source."""
    with pytest.raises(NoAnswer, match="cannot be asked"):
        ask(echoes["Alpha"].dns_url("ipv4", "a..b"), "ipv4")
