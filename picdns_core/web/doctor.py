"""What could be wrong: the route of the group `doctor`."""

from __future__ import annotations

from flask import Blueprint, Response

from picdns_core.runner import Runner
from picdns_core.web.exchange import given
from picdns_core.web.jobs import Jobs


def add_to(blueprint: Blueprint, runner: Runner, _: Jobs) -> None:
    """Add the route; it takes seconds, since everybody concerned is asked."""

    @blueprint.get("/api/domain/doctor")
    def examine() -> Response:
        return given({"checks": runner.doctor().checks})
