"""What the client makes of answers, good and bad, and that no answer shows the token."""

import logging
import traceback
from collections.abc import Callable

import certifi
import pytest
from picdns_duckdns import client

from picdns_core import AuthenticationFailed, PicdnsError, ProviderUnavailable, RateLimited
from picdns_core import http as core_http
from picdns_core.testing import Answer, Cut, Delay, Fault
from tests.duckdns.conftest import CellAtDuckDns, published

HTML = "<html><head><title>502 Bad Gateway</title></head></html>"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Answer(200, body=HTML), "it answers '<html>"),
        (Answer(200, body=""), "it answers nothing at all"),
        (Answer(200, body="OKAY\n\n\nUPDATED"), "it answers 'OKAY'"),
        (Answer(200, body="KO\nmaybe"), "it answers 'KO'"),
        (Answer(200, body="OK\n192.0.2.1\n\nPERHAPS"), "it answers 'PERHAPS' at the end"),
        (
            Answer(200, body="OK\n192.0.2.7\n\nUPDATED"),
            "it confirms other addresses than those sent",
        ),
        (Answer(200, body="OK"), "it confirms other addresses than those sent"),
        (Answer(404, body=HTML), "it answers status 404"),
        (Answer(500), "it answers status 500"),
        (Answer(502, body=HTML), "it answers status 502"),
        (Answer(301, {"Location": "https://www.duckdns.org/update"}), "it answers status 301"),
        (
            Cut("request"),
            "could not be asked: it cannot be reached, is too slow, or the connection broke.",
        ),
        (
            Cut("reply"),
            "could not be asked: it cannot be reached, is too slow, or the connection broke.",
        ),
        (Cut("body"), "could not be asked: the connection broke in its answer."),
    ],
)
def test_an_outage_is_not_a_bad_token(cell: CellAtDuckDns, fault: Fault, said: str) -> None:
    """Whatever is not an answer of DuckDNS's may pass by itself."""
    cell.stand_in.on("GET", "/update", fault)
    with pytest.raises(ProviderUnavailable) as failure:
        cell.update_ip("192.0.2.1")
    assert said in failure.value.message
    assert failure.value.message.endswith("What is served stays so.")
    assert failure.value.retryable
    assert "Try again later." in failure.value.hint
    host = cell.api_url.removeprefix("https://")
    assert failure.value.hint.endswith(
        f" {host} was asked: leave ddns.api_url out if that is not meant to stand for DuckDNS."
    )


def refuse_the_bundle(cell: CellAtDuckDns) -> None:
    cell.bundle = certifi.where()


def be_slow(cell: CellAtDuckDns) -> None:
    cell.stand_in.on("GET", "/update", Delay(60))


def be_nowhere(cell: CellAtDuckDns) -> None:
    cell.api_url = "https://127.0.0.1:1"


@pytest.mark.parametrize(
    ("arrange", "why"),
    [
        (refuse_the_bundle, "its certificate is not trusted, or TLS failed"),
        (be_slow, "it cannot be reached, is too slow, or the connection broke"),
        (be_nowhere, "it cannot be reached, is too slow, or the connection broke"),
    ],
)
def test_a_failure_to_ask_is_told_in_words(
    cell: CellAtDuckDns,
    arrange: Callable[[CellAtDuckDns], None],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not in those of the HTTP library, which have the URL; nothing of it hangs on."""
    monkeypatch.setattr(core_http, "TIMEOUT", (5.0, 0.2))
    arrange(cell)
    with pytest.raises(ProviderUnavailable) as failure:
        cell.update_ip("192.0.2.1")
    assert failure.value.message == f"DuckDNS could not be asked: {why}. What is served stays so."
    assert (failure.value.__cause__, failure.value.__context__) == (None, None)


def test_duckdns_itself_is_not_named_as_some_other_host(
    cell: CellAtDuckDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own address is the default, and nobody's mistake."""
    monkeypatch.setattr(client, "_HOST", cell.api_url.removeprefix("https://"))
    cell.stand_in.on("GET", "/update", Answer(502))
    with pytest.raises(ProviderUnavailable) as failure:
        cell.update_ip("192.0.2.1")
    assert failure.value.hint == (
        "Nothing is wrong with the token, as far as can be seen. Try again later."
    )


@pytest.mark.parametrize(
    "text", ["OK \r\n192.0.2.1\r\n\r\nUPDATED\r\n", "OK\n192.0.2.1\n\nUPDATED"]
)
def test_line_ends_and_spaces_do_not_matter(cell: CellAtDuckDns, text: str) -> None:
    """The example in DuckDNS's specification has a space after OK."""
    cell.stand_in.on("GET", "/update", Answer(200, body=text))
    assert cell.update_ip("192.0.2.1").changed is True


def test_an_answer_may_come_in_chunks(cell: CellAtDuckDns) -> None:
    """As a proxy may hand it on; all of them are one answer (RFC 9112, 7.1)."""
    chunks = ("OK\n192.0.2.1\n", "\nUPDA", "TED", "")
    body = "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks)
    cell.stand_in.on("GET", "/update", Answer(200, {"Transfer-Encoding": "chunked"}, body))
    assert cell.update_ip("192.0.2.1").changed is True


def test_an_answer_without_end_is_not_read_to_it(cell: CellAtDuckDns) -> None:
    """A page as long as somebody likes is no answer; the rest of it is never asked for."""
    chunk = "OK\n" + "x" * 5000
    body = f"{len(chunk):x}\r\n{chunk}\r\nno number of bytes\r\n"
    cell.stand_in.on("GET", "/update", Answer(200, {"Transfer-Encoding": "chunked"}, body))
    with pytest.raises(ProviderUnavailable, match="it confirms other addresses"):
        cell.update_ip("192.0.2.1")


def test_an_address_may_be_spelled_otherwise(cell: CellAtDuckDns) -> None:
    """And the other family may be told as well."""
    answer = "OK\n192.0.2.1\n2001:0DB8:0:0:0:0:0:1\nNOCHANGE"
    cell.stand_in.on("GET", "/update", Answer(200, body=answer))
    assert cell.update_ip(ipv6="2001:db8::1").changed is False


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "30"}, 30.0), ({}, None), ({"Retry-After": "x"}, None)],
)
def test_a_limit_says_how_long(
    cell: CellAtDuckDns, headers: dict[str, str], seconds: float | None
) -> None:
    """Where DuckDNS does."""
    cell.stand_in.on("GET", "/update", Answer(429, headers))
    with pytest.raises(RateLimited, match="DuckDNS asks to wait") as failure:
        cell.update_ip("192.0.2.1")
    assert failure.value.retry_after == seconds
    assert failure.value.hint == "Nothing to mend. Try again later."


def test_a_blip_is_not_noticed(cell: CellAtDuckDns) -> None:
    """A request can be sent again, for doing it twice changes nothing."""
    cell.stand_in.on("GET", "/update", Cut("reply"), first=1)
    cell.update_ip("192.0.2.1")
    assert cell.records() == published("A", "192.0.2.1")


def succeed(cell: CellAtDuckDns) -> None:
    cell.register()
    cell.update_ip("192.0.2.1")
    cell.publish("one")
    cell.teardown()


def be_refused(cell: CellAtDuckDns) -> None:
    cell.domain = "nobodys.duckdns.org"
    with pytest.raises(AuthenticationFailed):
        cell.register()


def fail_by(fault: Fault) -> Callable[[CellAtDuckDns], None]:
    def fail(cell: CellAtDuckDns) -> None:
        cell.stand_in.on("GET", "/update", fault)
        cell.register()

    return fail


def find_nobody(cell: CellAtDuckDns) -> None:
    cell.stand_in.close()
    cell.register()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(succeed, id="success"),
        pytest.param(be_refused, id="KO"),
        pytest.param(fail_by(Answer(200, body=HTML)), id="HTML"),
        pytest.param(fail_by(Answer(404)), id="404"),
        pytest.param(fail_by(Answer(502)), id="502"),
        pytest.param(fail_by(Answer(301, {"Location": "/update"})), id="redirect"),
        pytest.param(fail_by(Cut("request")), id="cut"),
        pytest.param(fail_by(Cut("body")), id="cut in the body"),
        pytest.param(fail_by(Delay(60)), id="timeout"),
        pytest.param(find_nobody, id="unreachable"),
    ],
)
def test_the_token_is_shown_nowhere(
    cell: CellAtDuckDns,
    act: Callable[[CellAtDuckDns], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In no log of any library at DEBUG, no message, no traceback with all that led to it."""
    monkeypatch.setattr(core_http, "TIMEOUT", (5.0, 0.2))
    caplog.set_level(logging.DEBUG)
    shown = []
    try:
        act(cell)
    except PicdnsError as error:
        shown += [str(error), repr(error), *traceback.format_exception(error)]
        shown += [repr(one) for one in _chain(error)]
    assert "token=***" in caplog.text
    shown += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    shown += [repr(cell.by()), repr(cell.publisher())]
    assert [text for text in shown if cell.token in text] == []


def _chain(error: BaseException) -> list[BaseException]:
    links = [error]
    while link := links[-1].__cause__ or links[-1].__context__:
        links.append(link)
    return links
