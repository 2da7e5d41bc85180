"""Who may pass, what is refused and how, and who owns a path."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from picdns_core.web import create_blueprint
from tests.web.conftest import MakeSite, Site, by_header

READING = ["/api/caddy/cert-status", "/api/domain", "/api/domain/modes", "/api/domain/ca"]
WRITING = [
    ("POST", "/api/caddy/cert-renew"),
    ("POST", "/api/domain/plan"),
    ("PUT", "/api/domain"),
    ("PUT", "/api/ddns"),
    ("POST", "/api/ddns/register"),
]


@pytest.mark.parametrize("path", READING)
def test_nobody_reads_without_leave(site: Site, path: str) -> None:
    """It is a problem object, and says nothing of the cell."""
    response = site.get(path, may="")
    assert (response.status_code, response.mimetype) == (403, "application/problem+json")
    assert "home" not in response.text
    assert site.get(path).status_code == 200


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_who_may_read_may_not_write(site: Site, method: str, path: str) -> None:
    """As a page of another origin, which has no CSRF token; nothing was begun."""
    body = {"mode": "http01"} if "domain" in path else {}
    assert site.send(method, path, body, may="read").status_code == 403
    assert site.blueprint.jobs.unfinished() == []
    assert not (site.cell.base / "jobs").exists()


def test_a_host_answers_in_its_own_way_who_may_not(make_site: MakeSite, site: Site) -> None:
    """A redirect to its login is sent as it is."""
    app = Flask("host")
    app.register_blueprint(create_blueprint(site.runner, lambda *_: app.redirect("/login")))
    response = app.test_client().get("/api/domain")
    assert (response.status_code, response.location) == (302, "/login")


@pytest.mark.parametrize("passed", [None, 1, "yes"])
def test_only_true_lets_pass(site: Site, passed: Any) -> None:
    """A function that forgets to return, or returns a user, opens nothing."""
    app = Flask("host")
    app.register_blueprint(create_blueprint(site.runner, lambda *_: passed))
    assert app.test_client().get("/api/domain").status_code == 403


def test_without_a_check_there_is_no_blueprint(site: Site) -> None:
    with pytest.raises(TypeError, match="authorize"):
        create_blueprint(site.runner, None)  # type: ignore[arg-type]


def test_a_group_that_there_is_not(site: Site) -> None:
    with pytest.raises(ValueError, match="'metrics'"):
        create_blueprint(site.runner, by_header, only=["statsu"])


@pytest.mark.parametrize("first", ["host", "picdns"])
def test_no_path_has_two_owners(site: Site, first: str) -> None:
    """Whoever comes second hears it at once; groups that were not chosen are free."""
    app = Flask("host")

    def host() -> None:
        app.add_url_rule("/api/ddns", "ddns", lambda: "", methods=["PUT"])

    steps: list[Callable[[], None]] = [
        host,
        lambda: app.register_blueprint(create_blueprint(site.runner, by_header)),
    ]
    if first == "picdns":
        steps.reverse()
    steps[0]()
    with pytest.raises(ValueError, match="PUT /api/ddns would have two owners"):
        steps[1]()
    app = Flask("host")
    app.add_url_rule("/api/ddns", "ddns", lambda: "", methods=["PUT"])
    app.register_blueprint(create_blueprint(site.runner, by_header, only=["status"]))
    app.add_url_rule("/api/ddns", "other", lambda: "", methods=["GET"])


def test_a_host_has_other_paths_afterwards(site: Site) -> None:
    """Also another blueprint of its own."""
    site.app.add_url_rule("/own", "own", lambda: "mine")
    assert site.client.get("/own").text == "mine"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 10_000_000, "application/json", 413),
        (b"[" * 60_000, "application/json", 400),
        (b'{"mode": "lan", "settings": ' + b'{"a":' * 9000, "application/json", 400),
        (b'{"mode": "lan", "colour": 1}', "application/json", 400),
        (b'{"mode": 1}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"", "application/json", 400),
        (b"mode=lan", "application/x-www-form-urlencoded", 415),
        (b'{"mode": "lan"}', "text/plain", 415),
    ],
)
def test_a_body_that_is_none(site: Site, body: bytes, kind: str, status: int) -> None:
    """It is refused, in words, and nothing is changed."""
    before = site.cell.config_file.read_bytes()
    response = site.client.put(
        "/api/domain", data=body, content_type=kind, headers={"X-May": "write"}
    )
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert site.cell.config_file.read_bytes() == before
    assert site.blueprint.jobs.unfinished() == []


def test_a_forged_host_leads_nowhere(site: Site) -> None:
    """No URL is made of it."""
    response = site.client.post(
        "/api/caddy/cert-renew",
        json={},
        headers={"X-May": "write", "Host": "evil.test", "X-Forwarded-Host": "evil.test"},
    )
    assert response.headers["Location"].startswith("/api/domain/jobs/")
    assert "evil" not in str(response.headers)
    site.done(response)


def test_an_answer_is_neither_kept_nor_guessed_at(site: Site) -> None:
    headers = site.get("/api/domain").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_method_that_a_path_has_not(site: Site) -> None:
    assert site.send("DELETE", "/api/domain", None).status_code in {403, 405}


def test_what_nobody_foresaw_is_said_without_its_details(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """They are in the log."""
    app = Flask("host")

    def broken(*_: object) -> bool:
        raise RuntimeError("secret-canary")

    app.register_blueprint(create_blueprint(site.runner, broken))
    response = app.test_client().get("/api/domain")
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert "secret-canary" not in response.text
    assert "secret-canary" in caplog.text
