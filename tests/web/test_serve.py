"""`picdns serve`: a login that works once, for this host alone, and a clean end."""

import json
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.cli.shell import Shell
from tests.conftest import MakeCell

Serve = Callable[..., tuple[str, subprocess.Popen[str]]]


@pytest.fixture
def serve(make_cell: MakeCell) -> Iterator[Serve]:
    """Start it for a cell in lan that is up; return its URL and the process."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    shell, running = Shell(cell.root), list[subprocess.Popen[str]]()

    def start(listen: str = "127.0.0.1:0") -> tuple[str, subprocess.Popen[str]]:
        command = shell.command("serve", "--json", "--listen", listen)
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout
        return json.loads(running[-1].stdout.readline())["url"], running[-1]

    yield start
    for one in running:
        if one.poll() is None:
            one.kill()
        one.communicate(timeout=10)


def test_the_url_works_once(serve: Serve) -> None:
    """Its cookie is for HTTP and this site only; writing takes a header of our own as well."""
    url, process = serve()
    base = url.partition("/login")[0]
    assert requests.get(f"{base}/api/domain", timeout=10).status_code == 403
    me = requests.Session()
    answered = me.get(url, timeout=10)
    assert (answered.status_code, answered.json()["mode"]) == (200, "lan")
    cookie = answered.history[0].headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    again = requests.get(url, timeout=10)
    assert (again.status_code, "Set-Cookie" in again.headers) == (403, False)
    assert requests.get(f"{base}/login?code=wrong", timeout=10).status_code == 403
    renew = f"{base}/api/caddy/cert-renew"
    assert me.post(renew, json={}, timeout=10).status_code == 403
    assert me.post(renew, json={}, headers={"X-Picdns": "1"}, timeout=10).status_code == 202
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_it_answers_at_ipv6_as_well(serve: Serve) -> None:
    assert requests.get(serve("[::1]:0")[0], timeout=10).json()["mode"] == "lan"


def test_a_socket_that_a_killed_server_left(serve: Serve, tmp_path: Path) -> None:
    """It is taken over; one that somebody serves is not."""
    path = tmp_path / "picdns.sock"
    _, first = serve(f"unix:{path}")
    first.kill()
    first.communicate(timeout=10)
    assert path.exists()
    serve(f"unix:{path}")
    refused = Shell(tmp_path).call("serve", "--listen", f"unix:{path}")
    assert refused.exit_code == 1
    assert path.exists()


def test_a_name_that_somebody_else_let_lead_here(serve: Serve) -> None:
    """Rebinding gets nothing, also with the code."""
    url, _ = serve()
    evil = requests.get(url, headers={"Host": "evil.test"}, timeout=10)
    assert (evil.status_code, "Set-Cookie" in evil.headers) == (421, False)


def test_a_socket_is_for_its_owner(serve: Serve, tmp_path: Path) -> None:
    """It answers there, and is gone afterwards."""
    path = tmp_path / "picdns.sock"
    url, process = serve(f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        parts = urlsplit(url)
        request = f"GET {parts.path}?{parts.query} HTTP/1.0\r\nHost: x\r\n\r\n"
        client.sendall(request.encode())
        assert b" 303 " in client.recv(1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:1", "[::]:1", "home.example:1", "127.0.0.1", "unix:/x/y"]
)
def test_it_is_for_this_host_alone(make_cell: MakeCell, listen: str) -> None:
    """Anything else is wrong use, with what to do instead."""
    shell = Shell(make_cell("lan", caddy=False).root)
    done = shell.call("serve", "--listen", listen)
    assert done.exit_code == 2
    assert "→" in done.stderr


def test_a_port_that_is_taken(make_cell: MakeCell) -> None:
    shell = Shell(make_cell("lan", caddy=False).root)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = shell.call("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.exit_code == 1
    assert "choose another place" in done.stderr
