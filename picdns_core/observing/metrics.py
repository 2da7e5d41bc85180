"""Tells Prometheus how the cell is; extra `metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picdns_core.events import Ticked
from picdns_core.observing.news import begun
from picdns_core.observing.serving import serve

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Metrics:
    """Keeps the figures of one cell in a registry, and serves that where it is asked to."""

    def __init__(
        self, listen: str | None = None, registry: CollectorRegistry | None = None
    ) -> None:
        self._listen = listen
        self._registry = registry
        self._domain: str | None = None

    def ticked(self, event: Ticked) -> None:
        from prometheus_client import REGISTRY

        from picdns_core.observing.figures import figures

        registry = self._registry or REGISTRY
        domain, known = event.cell.domain, figures(registry)
        if self._domain not in (None, domain):
            known.forget(self._domain)
        self._domain = domain
        known.of_last_tick(event)
        known.seconds.labels(domain, event.task).observe(event.seconds)
        for failure in begun(event):
            known.failures.labels(domain, failure.error).inc()
        if self._listen:
            serve(self._listen, registry)
