"""When to try again what failed."""

from datetime import datetime, timedelta

from picdns_core.errors import PicdnsError, ProviderUnavailable, RateLimited

LONGEST = timedelta(days=1)
_SOON, _LATER = timedelta(minutes=5), timedelta(minutes=30)
_MOST_DOUBLINGS = 16
_MOST_ASKED = 7 * 24 * 3600.0  # seconds; the longest window of any limit


def retry_at(
    error: PicdnsError, before: int, now: datetime, *, longest: timedelta = LONGEST
) -> datetime:
    """Return when to try again after an error that has come `before` times in a row already.

    The pause doubles each time, from minutes to `longest`; a service that asks for more gets it,
    up to a week.
    """
    first = _SOON if error.retryable else _LATER
    pause = min(first * (1 << min(before, _MOST_DOUBLINGS)), longest)
    asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
    return now + max(pause, timedelta(seconds=min(max(asked or 0.0, 0.0), _MOST_ASKED)))
