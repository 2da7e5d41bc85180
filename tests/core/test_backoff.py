"""When what failed is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from picdns_core import (
    AuthenticationFailed,
    ChallengeFailed,
    PicdnsError,
    ProviderUnavailable,
    RateLimited,
)
from picdns_core.backoff import retry_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (ProviderUnavailable("down"), [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]),
        (ChallengeFailed("no"), [30, 60, 120, 240, 480, 960, 1440, 1440]),
        (AuthenticationFailed("no"), [30, 60, 120, 240, 480, 960, 1440, 1440]),
    ],
)
def test_pauses_double_up_to_a_day(error: PicdnsError, pauses: list[int]) -> None:
    """They begin shorter where nobody has to mend anything."""
    found = [retry_at(error, before, NOW) - NOW for before in range(len(pauses))]
    assert found == [pause * MINUTE for pause in pauses]
    assert retry_at(error, 10**9, NOW) - NOW == DAY


def test_pause_of_who_asks_to_wait_is_not_shortened() -> None:
    """Nor does a short one that is asked for make ours shorter."""
    asked = RateLimited("wait", retry_after=2 * DAY.total_seconds())
    assert retry_at(asked, 0, NOW) - NOW == 2 * DAY
    assert retry_at(asked, 0, NOW, longest=HOUR) - NOW == 2 * DAY
    assert retry_at(RateLimited("wait", retry_after=1.0), 3, NOW) - NOW == 40 * MINUTE
    assert retry_at(RateLimited("wait"), 0, NOW) - NOW == 5 * MINUTE


def test_longest_pause_can_be_less_than_a_day() -> None:
    """As of addresses, which should be back soon after the service is."""
    assert retry_at(ProviderUnavailable("down"), 9, NOW, longest=HOUR) - NOW == HOUR
