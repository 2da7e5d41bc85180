"""The example of a host process, under gunicorn with several workers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Cell, MakeCell

FOLDER = Path(__file__).parent.parent.parent / "examples/pic_api"
WORKERS = 3


class Host:
    """The PIC API as it runs, and somebody who may be logged in."""

    def __init__(self, cell: Cell, log: Path) -> None:
        self.cell, self.log = cell, log
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{found.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread"]
        command += ["--workers", str(WORKERS), "--threads", "8", "--bind", self.url[7:]]
        secret = {"PIC_SECRET_KEY": "k" * 40, "PIC_PASSWORD": "open sesame"}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "--graceful-timeout", "5", "app:create_app()"],
                cwd=FOLDER,
                env=os.environ | secret | {"PIC_ROOT": str(cell.root)},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.session = requests.Session()
        # gunicorn may close a kept connection while the next request is on its way
        self.session.headers["Connection"] = "close"
        self._until_it_answers()

    def log_in(self) -> None:
        answer = self.session.post(
            f"{self.url}/login", {"role": "admin", "password": "open sesame"}, timeout=10
        )
        self.session.headers["X-CSRF-Token"] = answer.json()["csrf"]

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", timeout=30, allow_redirects=False)

    def wait_for(self, job: dict[str, Any]) -> dict[str, Any]:
        for _ in range(200):
            job = self.get(f"/api/domain/jobs/{job['id']}").json()
            if job["state"] in {"done", "failed"}:
                return job
            time.sleep(0.1)
        raise AssertionError(job)

    def _until_it_answers(self) -> None:
        for _ in range(200):
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.get("/login")
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(self.log.read_text())


@pytest.fixture
def host(make_cell: MakeCell, tmp_path: Path) -> Iterator[Host]:
    host = Host(make_cell("lan", caddy=False), tmp_path / "log")
    yield host
    if host.process.poll() is None:
        host.process.kill()
        host.process.wait(10)


def test_the_pic_api(host: Host) -> None:
    """Who is nobody logs in; who has no token changes nothing; all workers know each job."""
    nobody = host.get("/api/domain")
    assert (nobody.status_code, nobody.headers["Location"]) == (302, "/login")
    wrong = {"role": "admin", "password": ""}
    assert requests.post(f"{host.url}/login", wrong, timeout=10).status_code == 403
    host.log_in()
    up = host.session.post(f"{host.url}/api/ddns/register", json={}, timeout=10)
    assert up.status_code == 202, up.text
    job = host.wait_for(up.json())
    assert job["state"] == "done", job
    issuers = {one["issuer"] for one in host.get("/api/caddy/cert-status").json()["certificates"]}
    assert issuers == {"Vault of this house"}
    forged = host.session.put(
        f"{host.url}/api/domain", json={"mode": "lan"}, headers={"X-CSRF-Token": "x"}, timeout=10
    )
    assert forged.status_code == 403

    wish = {"mode": "lan", "settings": {"cell_name": "haus", "domain_name": "haus.cell"}}
    switch = host.session.put(f"{host.url}/api/domain", json=wish, timeout=10)
    paths = ["/api/domain", "/api/caddy/cert-status", f"/api/domain/jobs/{switch.json()['id']}"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(host.get, (paths[n % len(paths)] for n in range(200))))
    assert {one.status_code for one in answers} == {200}
    job = host.wait_for(switch.json())
    assert (job["state"], job["result"]["domain"]) == ("done", "haus.cell"), job

    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(15) == 0
    log = host.log.read_text()
    assert "Traceback" not in log
    assert log.count("Booting worker") == WORKERS  # none died meanwhile


def test_the_example_is_short() -> None:
    """It is to be read in one go."""
    assert len((FOLDER / "app.py").read_text().splitlines()) < 80
