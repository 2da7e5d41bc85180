"""Who may use `picdns serve`: whoever has the URL that was printed, once, until the server ends."""

from __future__ import annotations

import threading
import time
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Literal

from flask import Blueprint, Request, request
from werkzeug.exceptions import Forbidden
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

COOKIE = "picdns_session"
_CODE_LIVES = 600.0  # seconds
_SESSION_LIVES = 12 * 3600.0


class Login:
    """One code that opens one session; neither is ever on disk.

    Writing takes the header `X-Picdns` as well, which no page of another origin can send.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.code = token_urlsafe(32)
        self._code_ends = time.monotonic() + _CODE_LIVES
        self._session: bytes | None = None
        self._session_ends = 0.0

    def authorize(self, request: Request, right: Literal["read", "write"]) -> bool:
        """Say whether the cookie is that of the session, and a write comes from our own pages."""
        given = sha256(request.cookies.get(COOKIE, "").encode()).digest()
        session, lives = self._session, time.monotonic() < self._session_ends
        if session is None or not lives or not compare_digest(given, session):
            raise Forbidden("You are not logged in: start `picdns serve` anew, and open its URL.")
        return right == "read" or "X-Picdns" in request.headers

    def enter(self, code: str) -> str:
        """Take the code, which works once, and return what the cookie is to be."""
        with self._guard:
            good = compare_digest(code.encode(), self.code.encode())
            if self._session is not None or not good or time.monotonic() > self._code_ends:
                raise Forbidden(
                    "This URL works once, for ten minutes. Start `picdns serve` anew for another."
                )
            cookie = token_urlsafe(32)
            self._session = sha256(cookie.encode()).digest()
            self._session_ends = time.monotonic() + _SESSION_LIVES
        return cookie

    def blueprint(self, then: str) -> Blueprint:
        """Return the route of the URL; `then` is where it leads to."""
        blueprint = Blueprint("picdns_login", __name__)

        @blueprint.get("/login")
        def login() -> Response:
            answer = redirect(then, 303)
            cookie = self.enter(request.args.get("code", ""))
            answer.set_cookie(
                COOKIE, cookie, max_age=int(_SESSION_LIVES), httponly=True, samesite="Strict"
            )
            answer.headers["Cache-Control"] = "no-store"
            answer.headers["Referrer-Policy"] = "no-referrer"
            return answer

        return blueprint
