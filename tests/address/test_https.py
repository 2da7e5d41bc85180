"""One source asked over HTTPS: the forms of answers that count, and all the others."""

from typing import Any

import pytest

from picdns_core.address import echo
from picdns_core.address.sources import Source
from picdns_core.lookup.wire import NoAnswer
from picdns_core.testing import Answer, Cut, Echoes, Fault, LocalInternet
from tests.address.conftest import SEEN4, SEEN6

HTML = "<html><body>Your address is 192.0.2.7</body></html>"


@pytest.fixture
def ask(net: LocalInternet, echoes: Echoes) -> Any:
    """Ask Alpha, whose stand-in serves both families."""

    def run(path: str = "/", family: Any = "ipv4", *, over: Any = None, form: str = "text") -> str:
        source = Source(
            operator="Alpha",
            url=echoes["Alpha"].url(over or family, path),
            family=family,
            form=form,
            server=None,
        )
        return str(echo.ask(source, str(net.authority.bundle)))

    return run


@pytest.mark.parametrize("form", ["text", "trace"])
@pytest.mark.parametrize(("family", "seen"), [("ipv4", SEEN4), ("ipv6", SEEN6)])
def test_each_form_is_read_in_each_family(ask: Any, form: str, family: str, seen: object) -> None:
    """Plain text as most answer, and Cloudflare's trace."""
    path = "/" if form == "text" else "/cdn-cgi/trace"
    assert ask(path, family, form=form) == str(seen)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_family_is_asked_over_itself_alone(ask: Any, echoes: Echoes, family: str) -> None:
    """No packet goes to a server of the other one, which would see another address."""
    other = "ipv6" if family == "ipv4" else "ipv4"
    with pytest.raises(NoAnswer, match="cannot be reached"):
        ask(family=family, over=other)
    assert echoes.asked == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Answer(503), "answers with status 503"),
        (Answer(200, {}, HTML), "does not answer with an address"),
        (Answer(200, {}, "192.0.2.7 192.0.2.8"), "does not answer with an address"),
        (Answer(200, {}, "2001:db8::7"), "does not answer with an address"),
        (Answer(200, {}, ""), "does not answer with an address"),
        (Answer(200, {}, "192.0.2.\N{ARABIC-INDIC DIGIT SEVEN}"), "answers nonsense"),
        (Answer(200, {}, "192.0.2.7\n" * 500), "answers with more than 4096 octets"),
        (Answer(302, {"Location": "https://127.0.0.1:1/"}), "answers with status 302"),
        (Cut(), "cannot be reached"),
        (Cut("body"), "cannot be reached|breaks off"),
    ],
    ids=["down", "html", "two", "family", "empty", "garbage", "huge", "redirect", "cut", "half"],
)
def test_anything_else_is_no_answer(ask: Any, echoes: Echoes, fault: Fault, reason: str) -> None:
    """An address is the whole of a small body, with status 200 from the host that was asked."""
    echoes["Alpha"].on("GET", "/", fault)
    with pytest.raises(NoAnswer, match=reason):
        ask()


def test_half_an_address_is_none(ask: Any, echoes: Echoes) -> None:
    """What arrives of a body that breaks off may look like another address."""
    echoes["Alpha"].ipv6 = "2001:db8::77:1234"
    echoes["Alpha"].on("GET", "/", Cut("body"))
    with pytest.raises(NoAnswer):
        ask(family="ipv6")


@pytest.mark.parametrize("body", ["h=a\nts=1\n", "ip=192.0.2.7\nip=192.0.2.8\n", "192.0.2.7"])
def test_a_trace_says_the_address_once(ask: Any, echoes: Echoes, body: str) -> None:
    """In a line of its own."""
    echoes["Alpha"].on("GET", "/", Answer(200, {}, body))
    with pytest.raises(NoAnswer, match="something else than a trace"):
        ask("/", form="trace")


def test_an_address_of_one_link_is_refused(ask: Any, echoes: Echoes) -> None:
    """It means nothing without the interface."""
    echoes["Alpha"].ipv6 = "2001:db8::7%eth0"
    with pytest.raises(NoAnswer, match="of one link only"):
        ask(family="ipv6")


def test_a_server_that_nobody_vouches_for_is_not_believed(echoes: Echoes) -> None:
    """Its certificate is from no CA of this host."""
    url = echoes["Alpha"].url("ipv4")
    source = Source(operator="Alpha", url=url, family="ipv4", form="text", server=None)
    with pytest.raises(NoAnswer, match="certificate that is not trusted"):
        echo.ask(source, None)
    assert echoes.asked == []


def test_a_proxy_is_gone_round(
    ask: Any, monkeypatch: pytest.MonkeyPatch, net: LocalInternet
) -> None:
    """The service would see the address of the proxy."""
    proxy = net.forward_proxy()
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert ask() == str(SEEN4)
    assert proxy.requests == []
