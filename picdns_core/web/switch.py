"""Another mode or name: the routes of the group `switch`, and the jobs of all groups."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct, field
from werkzeug.exceptions import NotFound, ServiceUnavailable

from picdns_core.errors import PluginError
from picdns_core.installed import installed_modes
from picdns_core.model import DomainMode
from picdns_core.runner import Runner
from picdns_core.store import ModeSecrets
from picdns_core.web.exchange import given, taken
from picdns_core.web.jobs import Jobs
from picdns_core.web.status import accepted

_MOST_WATCHERS = 16  # in one process: each holds a thread of the server
_WATCHED = 300.0  # seconds after which a client comes again by itself
_FLAGS = ("wildcard", "public", "publishes_addresses", "needs_port_80", "grants_names")


class _Wish(Struct, frozen=True, forbid_unknown_fields=True):
    mode: str
    settings: dict[str, Any] = field(default_factory=dict)
    release: bool = False


def add_to(blueprint: Blueprint, runner: Runner, jobs: Jobs) -> None:
    """Add the routes."""
    watchers = threading.BoundedSemaphore(_MOST_WATCHERS)

    @blueprint.get("/api/domain/modes")
    def modes() -> Response:
        return given({"modes": [_described(runner, name) for name in sorted(installed_modes())]})

    @blueprint.post("/api/domain/plan")
    def plan() -> Response:
        wish = taken(_Wish)
        return given(runner.plan(wish.mode, wish.settings, release=wish.release))

    @blueprint.put("/api/domain")
    def switch() -> Response:
        wish = taken(_Wish)
        runner.plan(wish.mode, wish.settings, release=wish.release)  # what is wrong is said now
        return accepted(
            jobs.take(
                "switch",
                lambda twin: twin.switch(wish.mode, wish.settings, release=wish.release),
            )
        )

    @blueprint.get("/api/domain/jobs/<job_id>/events")
    def events(job_id: str) -> Response:
        if jobs.read(job_id) is None:
            raise NotFound("There is no such job; the last ones are kept for a week.")
        if not watchers.acquire(blocking=False):
            raise ServiceUnavailable("Too many watch jobs already: read the job itself.")
        response = Response(_told(jobs, job_id, _last_seen()), mimetype="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(watchers.release)
        return response


def add_jobs_to(blueprint: Blueprint, jobs: Jobs) -> None:
    """Add the route at which each job is found, whatever group it comes from."""

    @blueprint.get("/api/domain/jobs/<job_id>")
    def job(job_id: str) -> Response:
        record = jobs.read(job_id)
        if record is None:
            raise NotFound("There is no such job; the last ones are kept for a week.")
        return given(record)


def _described(runner: Runner, name: str) -> dict[str, Any]:
    try:
        mode = runner.workshop.opener.load(name).mode
    except PluginError as error:
        return {"name": name, "trouble": str(error)}
    return {
        "name": name,
        "title": mode.title,
        "description": mode.description,
        **{flag: getattr(mode, flag) for flag in _FLAGS},
        "domain_suffix": mode.domain_suffix,
        "schema": msgspec.json.schema(mode.settings),
        "secrets": _secrets(runner, mode),
        "trouble": None,
    }


def _secrets(runner: Runner, mode: DomainMode) -> list[dict[str, Any]]:
    kept = ModeSecrets(runner.workshop.store(), runner.workshop.root, mode.name, mode.secrets)
    return [
        {
            "name": one.name,
            "title": one.title,
            "description": one.description,
            "required": one.required,
            "has": kept.get(one.name) is not None,
        }
        for one in mode.secrets
        if not one.issued
    ]


def _last_seen() -> int:
    """Return the number of the last step that a client has seen (Last-Event-ID)."""
    seen = request.headers.get("Last-Event-ID", "")
    return int(seen) if re.fullmatch("[0-9]{1,5}", seen) else 0


def _told(jobs: Jobs, job_id: str, seen: int) -> Iterator[str]:
    """Yield each step as it begins, and the whole job at its end, as server-sent events."""
    for record in jobs.watch(job_id, seen, _WATCHED):
        for number, step in enumerate(record.steps[seen:], seen + 1):
            yield f"id: {number}\nevent: step\ndata: {_json(step)}\n\n"
        seen = max(seen, len(record.steps))
        yield f"event: done\ndata: {_json(record)}\n\n" if not record.is_open else ":\n\n"


def _json(data: object) -> str:
    return msgspec.json.encode(data, enc_hook=str).decode()
