"""Token buckets, as Let's Encrypt counts with them."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """So many in a period, in one burst or spread; one more each `period / burst` after that."""

    name: str
    """What its section in Let's Encrypt's documentation is called."""
    burst: int
    period: dt.timedelta
    complaint: str
    """What is said when it is reached, without the times; with places for `burst` and `key`."""

    @property
    def interval(self) -> dt.timedelta:
        """How long it takes until one more is allowed."""
        return self.period / self.burst

    def detail(self, key: str, retry_at: dt.datetime) -> str:
        """Say that it is reached, in the words of Let's Encrypt."""
        complaint = self.complaint.format(burst=self.burst, key=key)
        hours = f"{self.period // dt.timedelta(hours=1)}h0m0s"
        return (
            f"{complaint} in the last {hours}, retry after {retry_at:%Y-%m-%d %H:%M:%S} UTC:"
            f" see https://letsencrypt.org/docs/rate-limits/#{self.name}"
        )


class Buckets:
    """One bucket for each limit and key; those never heard of are full."""

    def __init__(self) -> None:
        """Begin with all full."""
        self._full_at: dict[tuple[str, str], dt.datetime] = {}

    def wait(self, limit: Limit, key: str, now: dt.datetime) -> dt.timedelta:
        """Return how long it takes until the bucket has a token; zero when it has one."""
        full_at = max(self._full_at.get((limit.name, key), now), now)
        return max(full_at + limit.interval - limit.period - now, dt.timedelta())

    def spend(self, limit: Limit, key: str, now: dt.datetime) -> None:
        """Take a token out, if there is one."""
        if not self.wait(limit, key, now):
            full_at = max(self._full_at.get((limit.name, key), now), now)
            self._full_at[limit.name, key] = full_at + limit.interval
