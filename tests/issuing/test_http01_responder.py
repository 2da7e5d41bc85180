"""How the CA's question on port 80 is answered, and looked at from outside first."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from picdns_core.issuing import Http01Responder
from picdns_core.model import Step
from picdns_core.store import FileStore
from picdns_core.testing import Answer, Cut, ForwardProxy, LocalInternet
from tests.conftest import Cell, MakeCell

PATH = "/.well-known/acme-challenge/"


@pytest.fixture
def outside(
    local_internet: LocalInternet, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ForwardProxy]:
    """The way that names take from outside, as the proxy of this process's environment."""
    proxy = local_internet.forward_proxy()
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    yield proxy
    proxy.close()


def texts(cell: Cell) -> list[str]:
    return [step.text for step in cell.steps]


def test_reachable_cell_passes_its_own_probe(make_cell: MakeCell, outside: ForwardProxy) -> None:
    """The random token comes back through Caddy, and nothing needs saying."""
    cell = make_cell()
    assert cell.runner.up().failed == ()
    assert len([one for one in outside.requests if PATH in one.target]) == 1
    assert not any("Not reachable" in text for text in texts(cell))


@pytest.mark.parametrize("status", [200, 404])
def test_wrong_body_stops_the_order_before_the_ca_is_asked(
    make_cell: MakeCell, outside: ForwardProxy, status: int
) -> None:
    """Something else answers on port 80 of the name: the CA would only count a failure."""
    outside.on("GET", PATH, Answer(status, {}, "<html>router</html>"))
    cell = make_cell()
    problem = cell.runner.up().failed[0]
    assert problem.error == "ChallengeFailed"
    assert f"answered by something else (status {status})" in problem.message
    assert cell.asked()["/order-plz"] == 0
    assert not list(cell.base.glob("webroot/*"))


def test_router_that_cannot_reach_itself_only_warns(
    make_cell: MakeCell, outside: ForwardProxy
) -> None:
    """Unreachable from inside proves nothing: the order goes on."""
    outside.on("GET", PATH, Cut("request"))
    cell = make_cell()
    assert cell.runner.up().failed == ()
    assert any("Not reachable from here" in text for text in texts(cell))


def responder(root: Path, port: int, steps: list[Step]) -> Http01Responder:
    return Http01Responder(FileStore(root), port, listen=True, progress=steps.append)


def test_listener_serves_tokens_and_nothing_else(
    tmp_path: Path, local_internet: LocalInternet
) -> None:
    """Over IPv4 and IPv6, while it is open; no path leads anywhere else."""
    port = local_internet.http_port
    with responder(tmp_path, port, []) as answers:
        answers.publish("-token_1", "-token_1.thumbprint")
        for host in ("127.0.0.1", "[::1]"):
            found = requests.get(f"http://{host}:{port}{PATH}-token_1", timeout=5)
            assert (found.status_code, found.text) == (200, "-token_1.thumbprint")
        for path in (f"{PATH}other", "/", f"{PATH}../secrets", f"{PATH}%2e%2e/secrets", PATH):
            request = f"GET {path} HTTP/1.0\r\n\r\n".encode()
            with socket.create_connection(("127.0.0.1", port), 5) as raw:
                raw.sendall(request)
                assert raw.recv(100).split()[1] == b"404"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}{PATH}-token_1", timeout=5)


def test_port_in_use_is_left_to_whoever_holds_it(
    tmp_path: Path, local_internet: LocalInternet
) -> None:
    """A web server of the host's own may serve our webroot; that it must is said."""
    port, steps = local_internet.http_port, list[Step]()
    with socket.create_server(("127.0.0.1", port)), socket.socket(socket.AF_INET6) as six:
        six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.bind(("::", port))
        six.listen()
        with responder(tmp_path, port, steps) as answers:
            answers.publish("token", "token.thumbprint")
    assert [step.text for step in steps] == [
        f"Port {port} is in use: its server must serve {PATH} from our webroot"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="drops the privileges of root")
def test_port_that_this_user_may_not_have_is_said(tmp_path: Path) -> None:
    """Before the CA is asked."""
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from picdns_core import ChallengeFailed\n"
        "from tests.issuing.test_http01_responder import responder\n"
        "os.setuid(65534)\n"
        "try:\n"
        f"    responder(Path({str(tmp_path)!r}), 80, []).publish('token', 'body')\n"
        "except ChallengeFailed as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert "This user may not listen on port 80" in ran.stdout, ran.stderr
    assert "CAP_NET_BIND_SERVICE" in ran.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="drops a capability of root")
def test_port_that_may_not_be_had_fails_the_public_certificates_only(make_cell: MakeCell) -> None:
    """The names inside need no port."""
    cell = make_cell(caddy=False)
    cell.set(picdns={"acme": {"http_port": 81}})
    without = ("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service")
    command = (sys.executable, "-m", "picdns_core.cli", "--root", str(cell.root), "up")
    ran = subprocess.run([*without, *command], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "This user may not listen on port 81" in ran.stderr
    assert "New certificate for files.cell" in ran.stdout
    assert cell.runner.refresh().missing == ("files.home.test",)
    assert cell.asked()["/order-plz"] == 0


@pytest.mark.timeout(40)
def test_answer_that_never_ends_is_not_waited_for(
    make_cell: MakeCell, outside: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stuck proxy, or a radio station, on port 80 of the name."""
    with socket.create_server(("127.0.0.1", 0)) as radio:
        host, port = radio.getsockname()
        threading.Thread(target=_play, args=(radio,), daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://{host}:{port}")
        began = time.monotonic()
        problem = make_cell().runner.up().failed[0]
    assert problem.error == "ChallengeFailed"
    assert time.monotonic() - began < 15


def _play(radio: socket.socket) -> None:
    connection, _ = radio.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(300):
            connection.sendall(b"x")
            time.sleep(0.1)
