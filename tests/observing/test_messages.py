"""Messages arrive over HTTP, once for each thing that has changed, and show no secret."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest

from picdns_core.events import IpChanged, ModeChanged
from picdns_core.model import Addresses
from picdns_core.observing.messages import Messages
from picdns_core.secret import Secret
from picdns_core.testing import HttpServer, Reply, Request

from .given import CELL, NOON, TICK, failure, tick

# Apprise loads all its services at the first use, one of them a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "t0k3n-that-nobody-may-see"


class Inbox(HttpServer):
    """Takes Apprise's JSON notifications."""

    status = 200

    def respond(self, _: Request) -> Reply:
        return Reply(self.status)

    @property
    def messages(self) -> list[dict[str, str]]:
        return [json.loads(request.body) for request in self.requests]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as server:
        yield server


def urls_of(server: HttpServer) -> Secret:
    return Secret(f"# at home\njson://user:{TOKEN}@{server.address}/hook/{TOKEN}\n")


@pytest.fixture
def messages(inbox: Inbox) -> Messages:
    return Messages(urls_of(inbox))


def test_a_failure_is_told_once_with_cause_and_next_attempt(
    messages: Messages, inbox: Inbox
) -> None:
    """At the tick that saw it first, however many follow."""
    broken = failure(count=3, retry_at=NOON + timedelta(hours=2))
    for number in range(20):
        messages.ticked(tick(NOON + number * TICK, [broken]))
    [message] = inbox.messages
    assert message["title"] == "picdns: home.example.org"
    assert message["type"] == "failure"
    assert message["message"].splitlines() == [
        "Failed: the certificate home.example.org",
        "The CA did not answer; the certificate stays served.",
        "Wait.",
        "The certificate that is there is valid until Sunday 13 December 2026, 12:00 UTC.",
        "Failing since Monday 23 November 2026, 12:00 UTC; tried 3 times.",
        "Next attempt: Monday 23 November 2026, 14:00 UTC.",
    ]


def test_what_is_never_tried_again_says_so(messages: Messages, inbox: Inbox) -> None:
    """And a failure of the addresses says where the name leads meanwhile."""
    messages.ticked(tick(problems=[failure(subject="addresses")], task="addresses"))
    text = inbox.messages[0]["message"]
    assert "Failed: publishing the addresses\n" in text
    assert "home.example.org leads to 192.0.2.7." in text
    assert text.endswith("This needs you: it will not mend itself.")


def test_a_failure_that_lasts_is_told_again_each_day(messages: Messages, inbox: Inbox) -> None:
    """Through three days of ticks, with a day and a half in which the cell was off."""
    broken, previous = failure(), NOON - TICK
    told = []
    moments = [NOON + number * TICK for number in range(3 * 288 + 1)]
    for at in moments:
        if NOON + timedelta(hours=30) < at < NOON + timedelta(hours=66):
            continue
        before = len(inbox.requests)
        messages.ticked(tick(at, [broken], previous_at=previous))
        previous = at
        if len(inbox.requests) > before:
            told.append((at - NOON) / timedelta(hours=1))
    assert told == [0, 24, 66, 72]


def test_a_restart_neither_repeats_nor_forgets(inbox: Inbox) -> None:
    """Each tick by an observer that has never heard of anything; one failure began in between."""
    begun = NOON + 1.5 * TICK
    for number in range(4):
        at = NOON + number * TICK
        problems = [failure(), failure(begun, "files.home.example.org")][: 2 if at > begun else 1]
        Messages(urls_of(inbox)).ticked(tick(at, problems))
    named = [message["message"].splitlines()[0] for message in inbox.messages]
    assert named == [
        "Failed: the certificate home.example.org",
        "Failed: the certificate files.home.example.org",
    ]


def test_first_tick_ever_and_a_clock_set_back_leave_nothing_untold(
    messages: Messages, inbox: Inbox
) -> None:
    """Better twice than never."""
    messages.ticked(tick(NOON, [failure(NOON - timedelta(days=3))], previous_at=None))
    messages.ticked(tick(NOON, [failure()], previous_at=NOON + timedelta(days=9)))
    assert len(inbox.messages) == 2


def test_recovery_is_told_and_what_broke_meanwhile_beside_it(
    messages: Messages, inbox: Inbox
) -> None:
    """Several failures of one tick make one message."""
    problems = [failure(), failure(subject="former")]
    messages.ticked(tick(NOON, problems, [failure(NOON - timedelta(days=1), "clock")]))
    broken, well = inbox.messages
    assert broken["message"].count("Failed: ") == 2
    assert well["type"] == "success"
    assert well["message"].startswith("Well again: the clock\nIt had failed since Sunday 22 Nov")


def test_new_addresses_and_modes_are_told(messages: Messages, inbox: Inbox) -> None:
    """With what was before."""
    both = Addresses(ipv4=IPv4Address("192.0.2.7"), ipv6=IPv6Address("2001:db8::7"))
    messages.ip_changed(IpChanged(cell=CELL, at=NOON, addresses=both, previous=Addresses()))
    messages.mode_changed(ModeChanged(cell=CELL, at=NOON, previous_mode="lan"))
    first, second = (message["message"] for message in inbox.messages)
    assert "now leads to 192.0.2.7 and 2001:db8::7; before: unknown." in first
    assert second == "home.example.org is now in the mode duckdns; before: lan."


@pytest.mark.parametrize("status", [200, 500])
def test_no_log_shows_a_secret(inbox: Inbox, caplog: pytest.LogCaptureFixture, status: int) -> None:
    """Neither ours nor a library's, delivered or not, with everything logged."""
    caplog.set_level(1)
    for name in ("apprise", "urllib3.connectionpool"):
        caplog.set_level(1, name)
    inbox.status = status
    Messages(urls_of(inbox)).ticked(tick(problems=[failure()]))
    assert TOKEN in str(inbox.requests)
    assert TOKEN not in caplog.text
    said = "a message was not delivered to URL 1 of picdns.notify"
    assert (said in caplog.messages) is (status != 200)


def test_a_service_that_is_down_stops_no_other(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does a line that is no URL; both are named by their numbers."""
    with Inbox() as gone:
        down = f"json://user:{TOKEN}@{gone.address}"
    lines = Secret(f"{down}\nnonsense-{TOKEN}\n{urls_of(inbox).reveal()}")
    Messages(lines).ticked(tick(problems=[failure()]))
    assert len(inbox.messages) == 1
    logged = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]
    assert logged == [
        f"a message was not delivered to URL {number} of picdns.notify" for number in (1, 2)
    ]
    assert TOKEN not in caplog.text


def test_hosts_own_use_of_apprise_is_logged_as_ever(
    inbox: Inbox, messages: Messages, caplog: pytest.LogCaptureFixture
) -> None:
    """Only what is said of our messages is dropped."""
    messages.ticked(tick(problems=[failure()]))
    caplog.set_level(logging.INFO, "apprise")
    caplog.clear()
    logging.getLogger("apprise").info("the host's")
    assert caplog.messages == ["the host's"]


class Slow(Inbox):
    """Answers only when it is closed."""

    def respond(self, _: Request) -> Reply:
        while not self.closing:
            time.sleep(0.01)
        return Reply(200)

    closing = False


def test_messages_behind_services_that_hang_are_dropped_and_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that neither threads nor the heartbeat pile up behind them."""
    monkeypatch.setattr("picdns_core.observing.delivery._PATIENCE", 0.05)
    with Slow() as slow:
        messages = Messages(urls_of(slow))
        for _ in range(6):
            messages.ticked(tick(problems=[failure()]))
        slow.closing = True
    said = "a message was not sent: the ones before it are still under way"
    assert caplog.messages.count(said) == 2
