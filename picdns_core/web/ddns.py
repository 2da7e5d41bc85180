"""The service behind the mode in force: the routes of the group `ddns`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from msgspec import Struct, field

from picdns_core.runner import Runner
from picdns_core.web.exchange import given, taken
from picdns_core.web.jobs import Jobs
from picdns_core.web.status import accepted, opened


class _Settings(Struct, frozen=True, forbid_unknown_fields=True):
    settings: dict[str, Any] = field(default_factory=dict)


def add_to(blueprint: Blueprint, runner: Runner, jobs: Jobs) -> None:
    """Add the routes."""

    @blueprint.get("/api/ddns/check/<name>")
    def check(name: str) -> Response:
        return given(runner.name_available(name, request.args.get("mode", "pic_ngo")))

    @blueprint.put("/api/ddns")
    def change() -> Response:
        settings = taken(_Settings).settings
        mode = opened(runner).mode.name
        runner.plan(mode, settings)  # what is wrong is said now
        return accepted(jobs.take("switch", lambda twin: twin.switch(mode, settings)))

    @blueprint.post("/api/ddns/register")
    def register() -> Response:
        return accepted(jobs.take("register", lambda twin: twin.up()))
