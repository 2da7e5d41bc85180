"""The service behind the mode in force: the routes of the group `ddns`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from msgspec import Struct, field

from picdns_core.runner import Runner
from picdns_core.web.exchange import taken
from picdns_core.web.jobs import Jobs
from picdns_core.web.status import accepted, opened


class _Settings(Struct, frozen=True, forbid_unknown_fields=True):
    settings: dict[str, Any] = field(default_factory=dict)


def add_to(blueprint: Blueprint, runner: Runner, jobs: Jobs) -> None:
    """Add the routes."""

    @blueprint.put("/api/ddns")
    def change() -> Response:
        settings = taken(_Settings).settings
        mode = opened(runner).mode.name
        runner.plan(mode, settings)  # what is wrong is said now
        return accepted(jobs.take("switch", lambda twin: twin.switch(mode, settings)))

    @blueprint.post("/api/ddns/register")
    def register() -> Response:
        return accepted(jobs.take("register", lambda twin: twin.up()))
