"""Figures for Prometheus: the route of the group `metrics`, where the extra is installed."""

from __future__ import annotations

from importlib.util import find_spec

from flask import Blueprint, Response

from picdns_core.runner import Runner
from picdns_core.web.jobs import Jobs


def add_to(blueprint: Blueprint, _runner: Runner, _jobs: Jobs) -> None:
    """Add the route, if there is anything that makes figures."""
    if find_spec("prometheus_client") is None:
        return

    @blueprint.get("/metrics")
    def metrics() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
