"""The blueprint: which routes there are, who may use them, and what each answer carries."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from typing import Any, Literal

from flask import Blueprint, Request, Response, request
from flask.sansio.app import App
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.routing import Rule, RuleFactory
from werkzeug.wrappers import Response as AnyResponse

from picdns_core.errors import PicdnsError
from picdns_core.runner import Runner
from picdns_core.secret import one_line
from picdns_core.web import ca, ddns, doctor, figures, problems, status, switch
from picdns_core.web.jobs import Jobs

Authorize = Callable[[Request, Literal["read", "write"]], bool | AnyResponse]
"""Says whether a request may pass: its session, its role, and for `write` its CSRF token.

What it returns instead of a bool is sent as it is, as a redirect to the host's login.
"""

GROUPS = {
    "status": status.add_to,
    "switch": switch.add_to,
    "ddns": ddns.add_to,
    "ca": ca.add_to,
    "doctor": doctor.add_to,
    "metrics": figures.add_to,
}
"""The groups of routes, by the names that `only` takes."""

_READING = {"GET", "HEAD", "OPTIONS"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_log = logging.getLogger(__name__)


def create_blueprint(
    runner: Runner, authorize: Authorize, only: Collection[str] | None = None
) -> CellBlueprint:
    """Return the blueprint of one cell, to be registered at the root of a Flask application.

    `authorize` is asked before each request, `write` for all that could change something. `only`
    picks groups of routes, see `GROUPS`, where the host has some of these paths itself; a path
    that both have is a ValueError as soon as the second is registered. `blueprint.jobs.close()`
    ends what is under way.
    """
    if not callable(authorize):
        raise TypeError("create_blueprint needs `authorize`: a function that checks each request.")
    chosen = set(GROUPS if only is None else only)
    if unknown := chosen - set(GROUPS):
        raise ValueError(f"No such groups: {sorted(unknown)}; there are {sorted(GROUPS)}.")
    blueprint = CellBlueprint(Jobs(runner))
    blueprint.before_request(lambda: _check(authorize))
    blueprint.after_request(_protect)
    blueprint.register_error_handler(PicdnsError, _picdns_error)
    blueprint.register_error_handler(HTTPException, _http_error)
    blueprint.register_error_handler(Exception, _unforeseen)
    for name in sorted(chosen):
        GROUPS[name](blueprint, runner, blueprint.jobs)
    if chosen & {"status", "switch", "ddns"}:
        switch.add_jobs_to(blueprint, blueprint.jobs)
    return blueprint


class CellBlueprint(Blueprint):
    """The routes of one cell, which share a path with nobody; `jobs` is what they began."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__("picdns", "picdns_core.web")
        self.jobs = jobs

    def register(self, app: App, options: dict[str, Any]) -> None:
        if options.get("url_prefix"):
            raise ValueError("Register the blueprint of picdns without url_prefix.")
        theirs, add = _owned(app), app.url_map.add
        super().register(app, options)
        ours = _owned(app) - theirs
        doubled = [one for one in app.url_map.iter_rules() if one.endpoint.startswith("picdns.")]
        _refuse({key for rule in doubled for key in _keys(rule)} & theirs)

        def added(rule: RuleFactory) -> None:
            _refuse({key for one in rule.get_rules(app.url_map) for key in _keys(one)} & ours)
            add(rule)

        vars(app.url_map)["add"] = added


def _owned(app: App) -> set[tuple[str, str]]:
    return {key for rule in app.url_map.iter_rules() for key in _keys(rule)}


def _refuse(clash: set[tuple[str, str]]) -> None:
    if clash:
        method, path = min(clash)
        raise ValueError(
            f"{method} {path} would have two owners, picdns and another: choose the groups by "
            "create_blueprint(only=…)."
        )


def _path(rule: Rule) -> str:
    return re.sub(r"<[^>]*>", "<>", rule.rule)


def _keys(rule: Rule) -> set[tuple[str, str]]:
    methods = (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}
    return {(method, _path(rule)) for method in methods}


def _check(authorize: Authorize) -> AnyResponse | None:
    passed = authorize(request, "read" if request.method in _READING else "write")
    if isinstance(passed, AnyResponse):
        return passed
    if passed is not True:
        raise Forbidden("This session may not do that.")
    return None


def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _picdns_error(error: PicdnsError) -> Response:
    return problems.answer(problems.describe(error))


def _http_error(error: HTTPException) -> AnyResponse:
    if error.response is not None:
        return error.get_response()
    answered = problems.answer(problems.of_http(error))
    if allow := dict(error.get_headers()).get("Allow"):
        answered.headers["Allow"] = allow
    return answered


def _unforeseen(_: Exception) -> Response:
    _log.exception(
        "a request failed", extra={"event": "request_failed", "path": one_line(request.path)}
    )
    return problems.answer(problems.unforeseen())
