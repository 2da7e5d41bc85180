"""A Flask application with the blueprint of a cell, and clients that may read, write or nothing."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from picdns_core import Runner
from picdns_core.web import create_blueprint
from tests.conftest import Cell, MakeCell


def by_header(request: Request, right: str) -> bool:
    """Let pass who says so; CSRF and sessions are the host's."""
    return right in request.headers.get("X-May", "").split()


class Site:
    """The application of one cell, as one process has it."""

    def __init__(self, cell: Cell, only: Collection[str] | None = None) -> None:
        self.cell = cell
        self.runner = Runner(cell.root)
        self.app = Flask("host")
        self.blueprint: Any = create_blueprint(self.runner, by_header, only)
        self.app.register_blueprint(self.blueprint)
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, may: str = "read", **options: Any) -> TestResponse:
        return self.client.get(path, headers={"X-May": may}, **options)

    def send(self, method: str, path: str, body: Any, may: str = "write") -> TestResponse:
        return self.client.open(path, method=method, json=body, headers={"X-May": may})

    def done(self, response: TestResponse) -> dict[str, Any]:
        """Wait for the job that a request was answered with; return it as it ended."""
        assert response.status_code == 202, response.text
        for _ in range(300):
            job = self.get(response.headers["Location"]).json
            assert isinstance(job, dict)
            if job["state"] in {"done", "failed"}:
                return job
            time.sleep(0.1)
        raise AssertionError(job)


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site() -> Iterator[MakeSite]:
    """Open applications, several for one cell as several processes do."""
    opened: list[Site] = []

    def make(cell: Cell, only: Collection[str] | None = None) -> Site:
        opened.append(Site(cell, only))
        return opened[-1]

    yield make
    for one in opened:
        one.blueprint.jobs.close()


@pytest.fixture
def site(make_cell: MakeCell, make_site: MakeSite) -> Site:
    """A cell in lan that is up, with no Caddy."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    return make_site(cell)
