"""When certificates are due: by lifetime, by their CA's word, and whatever that is worth."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from picdns_core import CertFiles, FileStore, PicdnsError, ProviderUnavailable
from picdns_core.agenda import REVOKED, Agenda
from picdns_core.clock import Clock
from picdns_core.issuing import RenewalInfo
from picdns_core.store import Certificate, CertMeta
from picdns_core.wanted import renew_at

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> FileStore:
    return FileStore(tmp_path_factory.mktemp("root"))


class Stopped(Clock):
    """A clock that stands still."""

    def __init__(self, began: datetime) -> None:
        super().__init__(began)
        self.stands_at = began

    def now(self) -> datetime:
        return self.stands_at


def at(store: FileStore, day: float) -> Agenda:
    """Return the agenda as a process finds it that starts so many days later."""
    return Agenda(store, Stopped(START + day * DAY))


def certificate(days: float = 90, serial: str = "01", start: float = 0) -> Certificate:
    begin = START + start * DAY
    end = begin + days * DAY
    meta = CertMeta(
        names=("home.example",),
        issuer="CA",
        serial=serial,
        not_before=begin,
        not_after=end,
        renew_at=renew_at(begin, end),
        mode="any",
        source="acme:https://ca.example/directory",
    )
    files = CertFiles(fullchain="/chain", privkey="/key")
    return Certificate(lineage="home.example", generation="000001", meta=meta, files=files)


class Ca:
    """Says of each certificate what it is told to, and counts how often it is asked."""

    def __init__(self, *window: float, error: PicdnsError | None = None) -> None:
        self.window = window
        self.error = error
        self.asked = 0

    def __call__(self, _: Certificate) -> RenewalInfo | None:
        self.asked += 1
        if self.error:
            raise self.error
        if not self.window:
            return None
        start, end = (START + day * DAY for day in self.window)
        url = "https://ca.example/why"
        return RenewalInfo(start=start, end=end, explanation_url=url, retry_after=6 * 3600)


@pytest.mark.parametrize("days", [90, 45, 6])
def test_lifetime_decides_where_the_ca_says_nothing(store: FileStore, days: int) -> None:
    """At two thirds, at half of a short one; a day later it is asked again."""
    one, ca = certificate(days), Ca()
    at(store, 0).look([one], ca)
    agenda = at(store, 0.1)
    agenda.look([one], ca)
    assert (agenda.due_at(one), ca.asked) == (one.meta.renew_at, 1)
    assert agenda.ask_at(one) == START + DAY


def test_time_that_was_chosen_stays_while_the_window_holds_it(store: FileStore) -> None:
    """Over restarts, and over a window that moves a little; else it would be put off for ever."""
    one, ca = certificate(), Ca(50, 54)
    at(store, 0).look([one], ca)
    chosen = at(store, 0.1).due_at(one)
    assert START + 50 * DAY <= chosen <= START + 54 * DAY
    assert at(store, 0.1).why(one) == "the CA suggests it"
    assert at(store, 0.1).explanation_url(one) == "https://ca.example/why"
    ca.window = (49, 55)
    for number in range(1, 8):
        at(store, number / 4).look([one], ca)
        assert at(store, number / 4).due_at(one) == chosen
    assert ca.asked == 8
    ca.window = (1, 2)
    at(store, 10).look([one], ca)
    assert START + DAY <= at(store, 10).due_at(one) <= START + 2 * DAY


def test_chosen_times_differ_from_cell_to_cell() -> None:
    """They are drawn from the whole window, so that a CA is not asked by all at once."""
    chosen = set()
    for _ in range(20):
        with TemporaryDirectory() as folder:
            store = FileStore(Path(folder))
            at(store, 0).look([certificate()], Ca(50, 54))
            chosen.add(at(store, 0).due_at(certificate()))
    assert len(chosen) == 20
    assert max(chosen) - min(chosen) > DAY


@pytest.mark.parametrize("error", [ProviderUnavailable("down"), PicdnsError("nonsense")])
def test_ca_that_does_not_answer_changes_nothing_and_is_asked_again(
    store: FileStore, error: PicdnsError
) -> None:
    """In six hours, as RFC 9773 has it; what was chosen before stays."""
    one = certificate()
    at(store, 0).look([one], Ca(50, 54))
    chosen = at(store, 0).due_at(one)
    ca = Ca(error=error)
    for hours in (1, 6, 7, 11, 12):
        at(store, hours / 24).look([one], ca)
    assert (ca.asked, at(store, 1).due_at(one)) == (2, chosen)


def test_last_twentieth_is_put_off_by_nothing(store: FileStore) -> None:
    """By no window of the CA, as long as that lies before the end."""
    one = certificate(100)
    at(store, 0).look([one], Ca(98, 99))
    assert at(store, 0).due_at(one) == START + 95 * DAY


def test_window_after_the_end_is_none(store: FileStore) -> None:
    """It cannot be meant: the lifetime decides."""
    one = certificate()
    at(store, 0).look([one], Ca(1000, 1001))
    assert at(store, 0).due_at(one) == one.meta.renew_at


def test_plan_is_void_once_another_certificate_has_come(store: FileStore) -> None:
    """The next one is asked about anew."""
    at(store, 0).look([certificate()], Ca(50, 54))
    new = certificate(serial="02", start=50)
    assert at(store, 50).due_at(new) == new.meta.renew_at
    assert at(store, 50).ask_at(new) == new.meta.not_before


def test_ca_that_would_have_every_one_replaced_cannot_hurry_us(store: FileStore) -> None:
    """The first is at once, as when many were revoked; then there is time between two."""
    first, second, third = (certificate(serial=f"0{number}") for number in (1, 2, 3))
    agenda = at(store, 1)
    agenda.look([first], Ca(-3, -2))
    assert agenda.due_at(first) < START
    agenda.renewed(first, second)
    at(store, 1.1).look([second], Ca(-3, -2))
    agenda = at(store, 1.1)
    assert agenda.due_at(second) == START + 36 * DAY
    later = at(store, 36)
    later.renewed(second, third)
    at(store, 36).look([third], Ca(-3, -2))
    assert at(store, 36).due_at(third) == START + 36 * DAY


def test_renewal_at_its_usual_time_is_not_called_early(store: FileStore) -> None:
    """So that a revocation soon after it is answered at once."""
    first, second = certificate(), certificate(serial="02", start=60)
    at(store, 0).look([first], Ca(60, 61))
    at(store, 61).renewed(first, second)
    at(store, 61).look([second], Ca(0, 1))
    assert at(store, 61).due_at(second) < START + 2 * DAY


def test_certificate_that_is_being_revoked_is_due_at_once(store: FileStore) -> None:
    """Whatever the CA says of it, and in every process after."""
    one = certificate()
    at(store, 3).revoke(one)
    at(store, 4).look([one], Ca(50, 54))
    agenda = at(store, 5)
    assert (agenda.due_at(one), agenda.why(one)) == (START + 3 * DAY, REVOKED)


def test_damaged_file_is_as_good_as_none(
    store: FileStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The CA is asked anew."""
    store.put("schedule/certificates.json", b"nonsense")
    one, ca = certificate(), Ca(50, 54)
    at(store, 0).look([one], ca)
    assert ca.asked == 1
    assert "damaged" in caplog.text
    assert at(store, 0).due_at(one) >= START + 50 * DAY


def test_revocation_while_the_ca_is_asked_is_not_forgotten(store: FileStore) -> None:
    """By another process, as at a terminal beside the heartbeat."""
    one = certificate()

    def ask(_: Certificate) -> None:
        at(store, 1).revoke(one)

    at(store, 1).look([one], ask)
    assert at(store, 1).why(one) == REVOKED


def test_revoked_certificate_that_came_early_is_replaced_at_once(store: FileStore) -> None:
    """The space between two that a CA wants early is not for one that is worth nothing."""
    first, second = certificate(), certificate(serial="02")
    early = at(store, 1)
    early.look([first], Ca(-3, -2))
    early.renewed(first, second)
    at(store, 2).revoke(second)
    assert at(store, 2).due_at(second) == START + 2 * DAY


@pytest.mark.parametrize(("days", "asked"), [(1.9, 0), (2.1, 1)])
def test_time_to_ask_that_is_too_far_off_was_of_a_wrong_clock(
    store: FileStore, days: float, asked: int
) -> None:
    """No CA is left alone for longer than two days."""
    one, ca = certificate(start=-100), Ca()
    at(store, days - 1).look([one], Ca())  # to be asked again a day later
    at(store, 0).look([one], ca)
    assert ca.asked == asked
