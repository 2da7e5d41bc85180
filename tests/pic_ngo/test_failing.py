"""A service that refuses, breaks down or talks nonsense, and what is said about it."""

import json
from collections.abc import Callable

import certifi
import pytest

from picdns_core import (
    AuthenticationFailed,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from picdns_core.testing import Answer, Cut, Fault
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import Tenant

PAGE = "<!DOCTYPE html><html><body><h1>Welcome to nginx</h1></body></html>"
HTML = {"Content-Type": "text/html"}
ALL = (".*", ".*")


def problem(status: int, kind: str, **fields: object) -> Answer:
    return Answer(
        status,
        {"Content-Type": "application/problem+json"},
        json.dumps({"type": f"https://ddns.pic.ngo/problems/{kind}", **fields}),
    )


@pytest.fixture(params=["register", "update_ip", "publish", "withdraw", "teardown"])
def act(request: pytest.FixtureRequest, tenant: Tenant) -> Callable[[], object]:
    """Each hook of a cell that is registered."""
    tenant.register()
    hook: Callable[[], object] = getattr(tenant, request.param)
    return hook


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Cut(), "no answer (ConnectionError)"),
        (Cut(at="body"), "no answer"),
        (Answer(200, HTML, PAGE), "HTTP 200 with something else than JSON"),
        (Answer(200, body="{}"), "HTTP 200 with something else than JSON"),
        (Answer(200, body="[" * 2000), "HTTP 200 with something else than JSON"),
        (Answer(204), "HTTP 204 with something else than JSON"),
        (Answer(302, {"Location": "https://portal.test/"}), "HTTP 302 with something else"),
        (Answer(401, HTML, PAGE), "it answers HTTP 401"),
        (Answer(404, HTML, PAGE), "it answers HTTP 404"),
        (Answer(409), "it answers HTTP 409"),
        (Answer(500), "it answers HTTP 500"),
        (problem(500, "internal"), "it answers HTTP 500"),
        (problem(503, "unavailable"), "it answers HTTP 503"),
        (problem(401, "totp-used", retry_after=-5), "it answers HTTP 401"),
        (Answer(503, {"Retry-After": "60"}, PAGE), "it answers HTTP 503 and asks to wait 60 s"),
        (Answer(502, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}), "it answers HTTP 502"),
    ],
)
def test_a_service_that_is_down_is_no_refusal(
    act: Callable[[], object], service: PicNgo, fault: Fault, said: str
) -> None:
    """Trying again may help, and the message says what was seen."""
    service.on(*ALL, fault)
    with pytest.raises(ProviderUnavailable) as caught:
        act()
    assert caught.value.message.startswith("ddns.pic.ngo does not work just now: ")
    assert said in caught.value.message
    assert caught.value.message.endswith("What is served stays so.")
    assert caught.value.hint.startswith("Try again later.")


@pytest.mark.parametrize(
    ("fault", "wait", "said"),
    [
        (Answer(429, {"Retry-After": "120"}), 120, "asks to wait 120 s."),
        (Answer(429, HTML, PAGE), None, "asks to wait."),
    ],
)
def test_a_limit_says_how_long_to_wait(
    act: Callable[[], object], service: PicNgo, fault: Fault, wait: float | None, said: str
) -> None:
    """Where the service says so."""
    service.on(*ALL, fault)
    with pytest.raises(RateLimited) as caught:
        act()
    assert caught.value.retry_after == wait
    assert said in caught.value.message
    assert caught.value.hint == "Try again later."


def test_limits_of_the_service_are_understood(tenant: Tenant, service: PicNgo) -> None:
    """As the service itself puts them."""
    service.calls_per_minute = 2
    tenant.register()
    with pytest.raises(RateLimited) as caught:
        tenant.update_ip()
    assert caught.value.retry_after in range(1, 61)


def test_an_outage_is_understood(tenant: Tenant, service: PicNgo) -> None:
    """As the service itself puts it."""
    service.outage = 30
    with pytest.raises(ProviderUnavailable, match="HTTP 503 and asks to wait 30 s"):
        tenant.register()


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (problem(401, "banned", detail="Ask us."), AuthenticationFailed, "Ask us (HTTP 401)."),
        (problem(403, "banned"), AuthenticationFailed, "problems/banned (HTTP 403)."),
        (problem(422, "strange", detail="Odd"), ProviderError, "It says: Odd (HTTP 422)."),
        (problem(404, "not-found", detail="No path."), ProviderError, "No path (HTTP 404)."),
    ],
)
def test_a_refusal_that_we_do_not_know_is_told_in_its_own_words(
    act: Callable[[], object],
    service: PicNgo,
    fault: Fault,
    kind: type[PicdnsError],
    said: str,
) -> None:
    """It is decided by the status then."""
    service.on(*ALL, fault)
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    assert said in caught.value.message


def test_a_service_that_is_not_there_is_told(tenant: Tenant, service: PicNgo) -> None:
    """No connection at all."""
    service.close()
    with pytest.raises(ProviderUnavailable, match=r"no answer \(ConnectionError\)"):
        tenant.register()


def test_a_server_that_is_not_trusted_is_told(tenant: Tenant, service: PicNgo) -> None:
    """Its certificate is of another authority, or the clock is years off; nothing is sent."""
    tenant.bundle = certifi.where()
    with pytest.raises(ProviderUnavailable, match=r"no answer \(SSLError\)") as caught:
        tenant.register()
    assert "clock" in caught.value.hint
    assert service.requests == []
