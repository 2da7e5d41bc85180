"""How an answer looks: JSON with the server's time in it, and the header `Date`."""

from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from .problems import Problem

_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "request-too-large"}


def answer(
    body: dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
    media_type: str = "application/json",
) -> flask.Response:
    """Answer the current request, at the time that `flask.g.now` says."""
    now: float = flask.g.now
    text = flask.json.dumps({**body, "time": rfc3339(now)})
    response = flask.Response(text, status, headers, mimetype=media_type)
    response.headers["Date"] = formatdate(now, usegmt=True)
    return response


def problem(error: Problem) -> flask.Response:
    """Answer with a problem."""
    return answer(error.body, error.status, error.headers, "application/problem+json")


def unexpected(error: HTTPException) -> flask.Response:
    """Turn what Flask itself refuses, and our own faults, into problems."""
    kind = _BY_STATUS.get(error.code or 0, "internal")
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return problem(Problem(kind, error.description or "", headers=headers))


def rfc3339(moment: float) -> str:
    """Write a time in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
