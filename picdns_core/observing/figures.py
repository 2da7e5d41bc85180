"""The metrics themselves: one set for each registry, whoever tells of how many cells."""

import threading
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector

from picdns_core.events import Ticked

_SECONDS = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300)
_guard = threading.Lock()
_made: WeakKeyDictionary[CollectorRegistry, "Figures"] = WeakKeyDictionary()


def figures(registry: CollectorRegistry) -> "Figures":
    """Return the metrics that are in this registry, made and registered the first time."""
    with _guard:
        if registry not in _made:
            _made[registry] = Figures(registry)
        return _made[registry]


class Figures(Collector):
    """What each task of each cell said last, and the sums of what they ever said."""

    def __init__(self, registry: CollectorRegistry) -> None:
        told = "Failures that have begun.", ("domain", "error")
        took = "How long ticks took.", ("domain", "task")
        self.failures = Counter("picdns_failures", *told, registry=registry)
        self.seconds = Histogram(
            "picdns_tick_duration_seconds", *took, registry=registry, buckets=_SECONDS
        )
        self._last: dict[tuple[str, str], Ticked] = {}
        self._well: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def of_last_tick(self, event: Ticked) -> None:
        key = event.cell.domain, event.task
        if not event.problems:
            self._well |= {key: event.at.timestamp()}
        self._last |= {key: event}

    def forget(self, domain: str | None) -> None:
        """Leave out a name that the cell no longer has; its certificates do not expire here."""
        self._last = {key: one for key, one in self._last.items() if key[0] != domain}
        self._well = {key: one for key, one in self._well.items() if key[0] != domain}

    def describe(self) -> Iterator[Gauge]:
        return self.collect()

    def collect(self) -> Iterator[Gauge]:
        ends: dict[tuple[str, ...], float] = {}
        published: dict[tuple[str, ...], float] = {}
        broken: Tally[tuple[str, ...]] = Tally()
        for (domain, _), event in sorted(self._last.items(), key=lambda item: item[1].at):
            ends = {key: ends[key] for key in ends if key[0] != domain}
            ends |= {(domain, key): at.timestamp() for key, at in event.certificates.items()}
            for family in ("ipv4", "ipv6"):
                published.pop((domain, family), None)
                if event.published_at and getattr(event.published, family):
                    published[domain, family] = event.published_at.timestamp()
            broken.update((domain, one.error) for one in event.problems)
        yield _gauge("certificate_expiry_timestamp_seconds", "When it ends.", "lineage", ends)
        yield _gauge("last_success_timestamp_seconds", "Without a problem.", "task", self._well)
        yield _gauge("address_published_timestamp_seconds", "Confirmed.", "family", published)
        yield _gauge("problems", "What is broken now.", "error", broken)


def _gauge(name: str, said: str, label: str, values: Mapping[tuple[str, ...], float]) -> Gauge:
    gauge = Gauge(f"picdns_{name}", said, labels=("domain", label))
    for labels, value in values.items():
        gauge.add_metric(labels, value)
    return gauge
