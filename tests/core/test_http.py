"""The session: what it says when something fails, and what it never says."""

import logging
import traceback
from collections.abc import Iterator

import pytest
import requests

from picdns_core import Secret
from picdns_core.http import Session
from picdns_core.testing import Answer, Cut, Fault, FaultProxy, LocalInternet

TOKEN = "c4nary-7oken/with=signs"


@pytest.fixture
def server(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """A server of which only the faults matter."""
    with local_internet.fault_proxy(local_internet.pebble.directory) as proxy:
        yield proxy


@pytest.mark.parametrize(
    "fault", [Cut(), Cut(at="reply"), Cut(at="body"), Answer(503), Answer(500, body="<html>")]
)
def test_a_secret_in_a_url_is_shown_nowhere(
    server: FaultProxy,
    local_internet: LocalInternet,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
) -> None:
    """Neither in the error, its chain and its traceback, nor in a log of any level."""
    caplog.set_level(logging.DEBUG)
    token = Secret(TOKEN)
    server.on("GET", "/update", fault)
    url = f"{server.url}/update?token={token.reveal()}"
    with (
        Session(str(local_internet.authority.bundle)) as session,
        pytest.raises(requests.RequestException) as caught,
    ):
        session.get(url).raise_for_status()
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert "/update" in caplog.text
    assert ("c4nary" in said, "***" in said) == (False, True)


def test_a_host_that_is_not_there_learns_and_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The type of the error is as it was, so that it can be told apart."""
    caplog.set_level(logging.DEBUG)
    token = Secret(TOKEN)
    with Session() as session, pytest.raises(requests.ConnectionError) as caught:
        session.get("https://127.0.0.1:1/update", params={"token": token.reveal()})
    chain = "".join(traceback.format_exception(caught.value))
    assert ("c4nary" in chain + caplog.text, "Max retries" in chain) == (False, True)
    assert caught.value.__context__ is None


def test_an_error_without_a_secret_is_the_original() -> None:
    """With everything that led to it."""
    with Session() as session, pytest.raises(requests.ConnectionError) as caught:
        session.get("https://127.0.0.1:1/")
    assert caught.value.__context__ is not None


def test_a_response_does_not_repeat_the_secret(
    server: FaultProxy, local_internet: LocalInternet
) -> None:
    """Its URL is what people print."""
    token = Secret(TOKEN)
    server.on("GET", "/update", Answer(200, body="OK"))
    with Session(str(local_internet.authority.bundle)) as session:
        answer = session.get(f"{server.url}/update", params={"token": token.reveal()})
    assert answer.url == f"{server.url}/update?token=***"
