"""Errors as answers: problem details (RFC 9457), with what to do about them."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

from picdns_core.errors import (
    Busy,
    ConfigError,
    NameTaken,
    PicdnsError,
    PluginError,
    ProviderUnavailable,
    RateLimited,
    StoreError,
)

_STATUS: tuple[tuple[type[PicdnsError], HTTPStatus], ...] = (
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Busy, HTTPStatus.CONFLICT),
    (NameTaken, HTTPStatus.CONFLICT),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (ProviderUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (PluginError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (PicdnsError, HTTPStatus.BAD_GATEWAY),
)


def describe(error: PicdnsError) -> dict[str, Any]:
    """Return an error as a problem object: its class in `type`, the mend in `hint`."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    problem = {
        "type": f"urn:picdns:problem:{type(error).__name__}",
        "title": status.phrase,
        "status": status.value,
        "detail": error.message,
        "hint": error.hint,
    }
    if isinstance(error, ConfigError) and error.key:
        problem["key"] = error.key
    if isinstance(error, RateLimited | ProviderUnavailable) and error.retry_after is not None:
        problem["retry_after"] = math.ceil(error.retry_after)
    return problem


def unforeseen() -> dict[str, Any]:
    """Say that we do not know; what it was is in the log only."""
    return {
        "type": "urn:picdns:problem:Unforeseen",
        "title": HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        "status": HTTPStatus.INTERNAL_SERVER_ERROR.value,
        "detail": "picdns failed in a way nobody foresaw. What is served stays so.",
        "hint": "The log of the host process has the details: please report them.",
    }


def of_http(error: HTTPException, hint: str = "") -> dict[str, Any]:
    """Return what HTTP itself refuses as a problem object."""
    return {
        "type": "about:blank",
        "title": error.name,
        "status": error.code or HTTPStatus.INTERNAL_SERVER_ERROR.value,
        "detail": error.description or error.name,
        "hint": hint,
    }


def answer(problem: dict[str, Any]) -> Response:
    """Send a problem object."""
    body = msgspec.json.encode(problem)
    response = Response(body, problem["status"], mimetype="application/problem+json")
    if "retry_after" in problem:
        response.headers["Retry-After"] = str(problem["retry_after"])
    return response
