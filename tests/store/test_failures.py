"""Failures: kept until the same thing succeeds."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from picdns_core.clock import Clock
from picdns_core.errors import (
    Busy,
    Cancelled,
    DeployFailed,
    PicdnsError,
    ProviderUnavailable,
    RateLimited,
)
from picdns_core.store import FileStore
from picdns_core.store.failures import Failures


@pytest.fixture
def failures(store: FileStore) -> Failures:
    return Failures(store, Clock.of_host())


def test_a_failure_is_known_to_the_next_process(root: Path, failures: Failures) -> None:
    """What it was about, its words, and when."""
    failures.note("home.cell", DeployFailed("Caddy is down.", hint="Start it."))
    last = Failures(FileStore(root), Clock.of_host()).last(["home.cell"])
    assert last
    assert (last.subject, last.error, last.count) == ("home.cell", "DeployFailed", 1)
    assert (last.message, last.hint) == ("Caddy is down.", "Start it.")
    assert datetime.now(UTC) - last.at < timedelta(minutes=1)


def test_failures_in_a_row_are_counted_by_subject(failures: Failures) -> None:
    """Until one succeeds, which leaves the others' counts."""
    for _ in range(3):
        failures.note("a", RateLimited("too many"))
    failures.note("b", PicdnsError("else"))
    failures.note("a", PicdnsError("again"))
    assert (last := failures.last(["a", "b", "up"]))
    assert (last.subject, last.count) == ("a", 4)
    failures.clear("a")
    failures.note("a", PicdnsError("anew"))
    assert (last := failures.last(["a", "b", "up"]))
    assert (last.subject, last.count) == ("a", 1)


def test_failure_that_cannot_be_noted_is_only_logged(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The work was done, or its own error is on its way: neither is lost for a note."""
    store = FileStore(root)
    store.put("failures.json", b'{"version": 99}')
    failures = Failures(store, Clock.of_host())
    with pytest.raises(DeployFailed), failures.remembered("up"):
        raise DeployFailed("down")
    with failures.remembered("up"):
        pass
    assert "written by a newer picdns" in caplog.text
    assert store.get("failures.json") == b'{"version": 99}'


def test_the_last_failure_is_the_latest_that_is_not_made_up_for(failures: Failures) -> None:
    """None when all is well."""
    assert failures.last(["a", "b", "up"]) is None
    failures.clear("a")
    failures.note("a", PicdnsError("first"))
    failures.note("b", PicdnsError("second"))
    assert (last := failures.last(["a", "b", "up"]))
    assert last.message == "second"
    failures.clear("b")
    assert (last := failures.last(["a", "b", "up"]))
    assert last.message == "first"
    failures.clear("a")
    assert failures.last(["a", "b", "up"]) is None


def test_an_error_that_passes_through_is_remembered_until_success(failures: Failures) -> None:
    """It is raised all the same."""
    with pytest.raises(DeployFailed), failures.remembered("up"):
        raise DeployFailed("down")
    assert (last := failures.last(["a", "b", "up"]))
    assert last.subject == "up"
    with failures.remembered("up"):
        pass
    assert failures.last(["a", "b", "up"]) is None


@pytest.mark.parametrize("error", [Busy("renewing"), Cancelled("stopped")])
def test_being_busy_or_cancelled_is_no_failure(failures: Failures, error: PicdnsError) -> None:
    """Nor does it make up for one."""
    failures.note("up", PicdnsError("before"))
    with pytest.raises(type(error)), failures.remembered("up"):
        raise error
    assert (last := failures.last(["a", "b", "up"]))
    assert last.message == "before"


def test_failures_noted_at_once_are_all_kept(root: Path) -> None:
    """Many certificates may fail at the same moment."""

    def note(number: int) -> None:
        Failures(FileStore(root), Clock.of_host()).note(f"subject-{number}", PicdnsError("at once"))

    threads = [threading.Thread(target=note, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    document = json.loads(FileStore(root).get("failures.json") or b"{}")
    assert sorted(document["failures"]) == [f"subject-{number}" for number in range(8)]


def test_what_failed_by_a_clock_that_was_ahead_holds_nothing_back(store: FileStore) -> None:
    """Nor does its date stay that of the failure."""
    now = datetime.now(UTC)
    Failures(store, Clock(now + timedelta(days=9))).postpone("a", ProviderUnavailable("down"))
    right = Failures(store, Clock(now))
    assert right.postponed("a") is None
    right.postpone("a", ProviderUnavailable("down"))
    assert right.postponed("a")
    assert (known := right.get("a"))
    assert known.since < now + timedelta(minutes=1)
