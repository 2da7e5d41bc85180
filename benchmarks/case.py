"""What a case is: subjects that do the same work, and what picdns is to reach beside them."""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from benchmarks.arena import Arena


class Missing(Exception):
    """A subject is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Sample:
    """What one piece of work took; `requests` is how many the CA was asked.

    `api_requests` is how many a DNS provider was asked, `dns_questions` how many name servers,
    `echo_requests` how many those who tell a host its public address.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mib: float
    requests: int | None = None
    api_requests: int | None = None
    dns_questions: int | None = None
    echo_requests: int | None = None


@dataclass(frozen=True)
class Subject:
    """Somebody who does the work of a case; one call may do it several times."""

    name: str
    run: Callable[["Arena"], Sequence[Sample]]
    runs: int

    def but(self, *, runs: int) -> Self:
        """Return the same subject, to be run so often."""
        return dataclasses.replace(self, runs=runs)


@dataclass(frozen=True)
class Row:
    """The medians of one subject in one case; the field names are those of bench.json."""

    case: str
    subject: str
    wall_s: float
    cpu_s: float
    peak_rss_mib: float
    requests: int | None
    api_requests: int | None
    dns_questions: int | None
    echo_requests: int | None
    runs: int
    ratio_to_floor: float | None


Rows = Mapping[str, Row]
"""The rows of one case by subject."""


@dataclass(frozen=True)
class Target:
    """Something to reach: `measured` at most `limit`, or at least."""

    text: str
    measured: Callable[[Rows], float]
    limit: float
    at_least: bool = False

    def met(self, rows: Rows) -> bool:
        """Say whether it was reached; KeyError when a subject it needs was left out."""
        found = self.measured(rows)
        return found >= self.limit if self.at_least else found <= self.limit


@dataclass(frozen=True)
class Case:
    """One piece of work, and who does it."""

    name: str
    subjects: Sequence[Subject]
    targets: Sequence[Target] = ()


def row(case: str, subject: str, samples: Sequence[Sample], floor: Sequence[Sample] | None) -> Row:
    """Return the medians of what was sampled, and how the time compares with the floor's."""
    wall = statistics.median(sample.wall_s for sample in samples)
    least = statistics.median(sample.wall_s for sample in floor) if floor else None
    return Row(
        case=case,
        subject=subject,
        wall_s=round(wall, 4),
        cpu_s=round(statistics.median(sample.cpu_s for sample in samples), 4),
        peak_rss_mib=round(statistics.median(sample.peak_rss_mib for sample in samples), 1),
        requests=_typical(sample.requests for sample in samples),
        api_requests=_typical(sample.api_requests for sample in samples),
        dns_questions=_typical(sample.dns_questions for sample in samples),
        echo_requests=_typical(sample.echo_requests for sample in samples),
        runs=len(samples),
        ratio_to_floor=round(wall / least, 2) if least else None,
    )


def _typical(counts: Iterable[int | None]) -> int | None:
    counted = [count for count in counts if count is not None]
    return statistics.median_low(counted) if counted else None


def slower(subject: str, than: str) -> Callable[[Rows], float]:
    """Measure how many times as long a subject takes as another."""
    return lambda rows: rows[subject].wall_s / rows[than].wall_s


def more_requests(subject: str, than: str) -> Callable[[Rows], float]:
    """Measure how many requests a subject sends more than another."""
    return lambda rows: (rows[subject].requests or 0) - (rows[than].requests or 0)
