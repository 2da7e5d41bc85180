"""The PIC API, as small as it can be: sessions, CSRF, and picdns behind them.

Run it as `gunicorn --worker-class gthread --workers 3 --threads 8 "app:create_app()"`. Each worker
calls `create_app` after the fork; of their heartbeats one works, the others stand by.
"""

import atexit
import os
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Literal

from flask import Flask, Request, Response, abort, jsonify, redirect, request, session
from house import ConfigManager, VaultManager, reload_coredns
from werkzeug.wrappers import Response as AnyResponse

from picdns_core import Heartbeat, Runner
from picdns_core.web import create_blueprint


def authorize(request: Request, right: Literal["read", "write"]) -> bool | AnyResponse:
    """Let members read, and the admin write, from pages of this origin only."""
    role = session.get("role")
    if role is None:
        return redirect("/login")
    if right == "read":
        return role in {"admin", "member"}
    token = request.headers.get("X-CSRF-Token", "")
    return role == "admin" and compare_digest(token.encode(), session["csrf"].encode())


def create_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = os.environ["PIC_SECRET_KEY"]  # the same in all workers
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict")
    root, passwords = os.environ["PIC_ROOT"], {"admin": os.environ["PIC_PASSWORD"]}

    runner = Runner(
        root,
        config=ConfigManager(root),
        signer=VaultManager(root),
        reload_dns=reload_coredns,
    )
    blueprint = create_blueprint(runner, authorize)
    app.register_blueprint(blueprint)
    heartbeat = Heartbeat(runner)
    heartbeat.start()

    @atexit.register
    def end() -> None:
        heartbeat.stop()
        blueprint.jobs.close()

    @app.get("/login")
    def how_to_log_in() -> Response:
        return jsonify({"login": "POST /login with role and password"})

    @app.post("/login")
    def log_in() -> Response:
        role, given = request.form.get("role", ""), request.form.get("password", "")
        if not compare_digest(given.encode(), passwords.get(role, token_urlsafe()).encode()):
            abort(403)
        session.clear()
        session.update(role=role, csrf=token_urlsafe())
        return jsonify({"csrf": session["csrf"]})

    return app
