"""The proxies that stand before real servers: everything goes through, except what shall not."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from picdns_core.testing import (
    Answer,
    Cut,
    Delay,
    FaultProxy,
    ForwardProxy,
    Hold,
    HttpServer,
    LocalInternet,
    Reply,
    Request,
    Rewrite,
)
from picdns_core.testing.pytest_plugin import CaddyFactory

if TYPE_CHECKING:
    from tests.testing.conftest import Issue


class Echo(HttpServer):
    """Answers with what it was asked, and keeps count."""

    def respond(self, request: Request) -> Reply:
        """Say the method, the target and the body, in two headers of one name as well."""
        body = f"{request.method} {request.target} ".encode() + request.body
        return Reply(200, (("X-Twice", "one"), ("X-Twice", "two")), body)


@pytest.fixture
def echo() -> Iterator[Echo]:
    """The server behind the proxy."""
    with Echo() as server:
        yield server


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    """A proxy before it."""
    with FaultProxy(echo.url) as proxy:
        yield proxy


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A client that keeps its connections."""
    with requests.Session() as session:
        yield session


def test_everything_passes_unchanged(
    echo: Echo, proxy: FaultProxy, session: requests.Session
) -> None:
    """Method, path, query, body, headers and the Host go through, over one kept connection."""
    reply = session.post(f"{proxy.url}/a/b?c=d", data=b"body", headers={"X-Own": "yes"}, timeout=5)
    assert reply.text == "POST /a/b?c=d body"
    assert reply.raw.headers.getlist("X-Twice") == ["one", "two"]
    (request,) = echo.requests
    assert request.header("Host") == proxy.address
    assert request.header("x-own") == "yes"
    assert session.put(f"{proxy.url}/", timeout=5).text == "PUT / "
    assert proxy.requests[0] == replace(request, headers=proxy.requests[0].headers)
    assert len(session.get_adapter(proxy.url).poolmanager.pools) == 1  # type: ignore[attr-defined]


def test_a_head_has_the_length_and_no_body(
    proxy: FaultProxy, echo: Echo, session: requests.Session
) -> None:
    """A HEAD request is answered as the server answers it, and the connection stays usable."""
    reply = session.head(f"{proxy.url}/x", timeout=5)
    assert (reply.headers["Content-Length"], reply.text) == (str(len("HEAD /x ")), "")
    assert session.get(f"{proxy.url}/y", timeout=5).text == "GET /y "
    assert [request.method for request in echo.requests] == ["HEAD", "GET"]


def test_an_answer_comes_without_asking_the_server(
    proxy: FaultProxy, echo: Echo, session: requests.Session
) -> None:
    """The first so many requests that match get the answer, others the server's."""
    rule = proxy.on("POST", "^/order$", Answer(503, {"Retry-After": "7"}, "later"), first=2)
    got = [session.post(f"{proxy.url}/order", timeout=5) for _ in range(3)]
    assert [reply.status_code for reply in got] == [503, 503, 200]
    assert (got[0].headers["Retry-After"], got[0].text) == ("7", "later")
    assert session.get(f"{proxy.url}/order", timeout=5).status_code == 200
    assert rule.matches == 3
    assert len(echo.requests) == 2


def test_a_fault_can_strike_once_in_the_middle(
    proxy: FaultProxy, session: requests.Session
) -> None:
    """Only the n-th match is struck."""
    proxy.on("GET|HEAD", "/", Answer(429), nth=2)
    assert [session.get(proxy.url, timeout=5).status_code for _ in range(3)] == [200, 429, 200]


@pytest.mark.parametrize(("at", "heard"), [("request", 0), ("reply", 1), ("body", 1)])
def test_a_connection_can_be_cut(
    proxy: FaultProxy, echo: Echo, session: requests.Session, at: str, heard: int
) -> None:
    """A cut is an error for the client, whether or not the server did what was asked."""
    proxy.on(".*", "/", Cut(at), first=1)  # type: ignore[arg-type]
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        session.post(f"{proxy.url}/once", timeout=5)
    assert len(echo.requests) == heard
    assert session.post(f"{proxy.url}/again", timeout=5).text == "POST /again "


def test_a_delay_delays(proxy: FaultProxy, session: requests.Session) -> None:
    """The reply comes, but not before its time; a client's own patience may end earlier."""
    proxy.on("GET", "/", Delay(0.2))
    begin = time.monotonic()
    assert session.get(proxy.url, timeout=5).status_code == 200
    assert time.monotonic() - begin >= 0.2
    with pytest.raises(requests.Timeout):
        session.get(proxy.url, timeout=0.05)


def test_a_server_can_lie(proxy: FaultProxy, session: requests.Session) -> None:
    """What the server said can be changed, knowing what was asked; faults add up."""

    def lie(request: Request, reply: Reply) -> Reply:
        return replace(reply, body=reply.body + f" not {request.target}".encode())

    proxy.on("GET", "/", Rewrite(lie))
    proxy.on("GET", "/", Rewrite(lambda _, reply: reply.with_headers({"X-Twice": None})))
    reply = session.get(f"{proxy.url}/x", timeout=5)
    assert (reply.text, "X-Twice" in reply.headers) == ("GET /x  not /x", False)


def test_a_request_can_be_held(proxy: FaultProxy, echo: Echo, session: requests.Session) -> None:
    """A test sees that a request has come, does what it wants, and lets it go."""
    hold = Hold(at="reply")
    proxy.on("POST", "/", hold)
    got: list[requests.Response] = []
    client = threading.Thread(target=lambda: got.append(session.post(proxy.url, timeout=5)))
    client.start()
    assert hold.arrived.wait(5)
    assert (len(echo.requests), got) == (1, [])
    hold.released.set()
    client.join(5)
    assert got[0].status_code == 200


def test_rules_can_be_taken_back(proxy: FaultProxy, session: requests.Session) -> None:
    """Without its rule a fault is over."""
    rule = proxy.on("GET", "/a", Answer(500))
    proxy.on("GET", "/b", Answer(500))
    proxy.faults.remove(rule)
    assert session.get(f"{proxy.url}/a", timeout=5).status_code == 200
    proxy.faults.clear()
    assert session.get(f"{proxy.url}/b", timeout=5).status_code == 200


def test_a_closed_proxy_waits_for_nothing(echo: Echo) -> None:
    """Closing ends delays, holds and idle connections, and leaves no thread."""
    before = threading.active_count()
    proxy = FaultProxy(echo.url)
    proxy.on("GET", "/", Delay(60))
    waiting = http.client.HTTPConnection(proxy.address, timeout=5)
    waiting.request("GET", "/")
    idle = http.client.HTTPConnection(proxy.address, timeout=5)
    idle.connect()
    begin = time.monotonic()
    proxy.close()
    proxy.close()
    waiting.close()
    idle.close()
    assert time.monotonic() - begin < 5
    assert threading.active_count() <= before + 1  # The echo server's thread for the request.


def test_an_absent_server_is_a_cut_connection(session: requests.Session) -> None:
    """A proxy before nothing does not invent an answer."""
    with Echo() as gone:
        url = gone.url
    with FaultProxy(url) as proxy, pytest.raises(requests.ConnectionError):
        session.get(proxy.url, timeout=5)


def test_a_ca_works_through_the_proxy(
    local_internet: LocalInternet,
    caddy: CaddyFactory,
    caddyfile: Callable[..., Path],
    issue: "Issue",
) -> None:
    """The URLs of the CA lead back through the proxy, so that every request can be struck."""
    caddy(caddyfile())
    pebble = local_internet.pebble
    with local_internet.fault_proxy(pebble.directory) as proxy:
        proxy.on("POST", "/authZ/", Delay(0.01))
        issued = issue(pebble, "proxied.home.test", directory=proxy.proxied(pebble.directory))
        assert pebble.certificate_status(issued.leaf.serial_number) == "Valid"
        asked = {(request.method, request.target.rpartition("/")[0]) for request in proxy.requests}
    assert {("HEAD", ""), ("POST", "/chalZ"), ("POST", "/certZ")} <= asked


def test_caddys_admin_api_can_be_behind_a_proxy(
    local_internet: LocalInternet, caddy: CaddyFactory, session: requests.Session
) -> None:
    """An API that insists on its own name is asked by that name."""
    server = caddy()
    with local_internet.fault_proxy(f"http://{server.admin}", keep_host=False) as proxy:
        assert session.get(f"{proxy.url}/config/", timeout=5).status_code == 200
        proxy.on("POST", "/load", Answer(400, body='{"error":"no"}'))
        assert session.post(f"{proxy.url}/load", timeout=5).json() == {"error": "no"}


def test_names_lead_to_the_home_server(
    local_internet: LocalInternet,
    caddy: CaddyFactory,
    caddyfile: Callable[..., Path],
    webroot: Path,
    session: requests.Session,
) -> None:
    """With the forward proxy in the environment, `http://name/` is the web server's HTTP port."""
    (webroot / "hello").write_text("from home")
    server = caddy(caddyfile())
    with local_internet.forward_proxy() as proxy:
        session.proxies = {"http": proxy.url}
        assert session.get("http://home.test/hello", timeout=5).text == "from home"
        assert proxy.requests[0].header("Host") == "home.test"
        assert session.get(f"http://{server.admin}/config/", timeout=5).ok
        proxy.on("GET", r"^http://home\.test/", Answer(200, body="the router's login page"))
        assert "router" in session.get("http://home.test/hello", timeout=5).text


def test_a_name_can_lead_elsewhere(
    local_internet: LocalInternet, echo: Echo, session: requests.Session
) -> None:
    """Single names can stand for other servers of this machine."""
    with local_internet.forward_proxy() as proxy:
        proxy.route("Echo.example", echo.address)
        session.proxies = {"http": proxy.url}
        assert session.get("http://echo.example:81/ip?v=4", timeout=5).text == "GET /ip?v=4 "
        assert echo.requests[0].header("Host") == "echo.example:81"


@pytest.fixture
def secure(local_internet: LocalInternet) -> Iterator[Echo]:
    """A server with a certificate for a name on the internet."""
    with Echo(local_internet.authority.issue("www.echo.example")) as server:
        yield server


@pytest.fixture
def forward(
    local_internet: LocalInternet, session: requests.Session, secure: Echo
) -> Iterator[ForwardProxy]:
    """A proxy that knows the way to it, and that the client uses for https:// URLs."""
    with local_internet.forward_proxy() as proxy:
        proxy.route("www.echo.example", secure.address)
        session.proxies = {"https": proxy.url}
        session.verify = str(local_internet.authority.bundle)
        session.trust_env = False  # REQUESTS_CA_BUNDLE would win (psf/requests#3829)
        yield proxy


def test_a_name_leads_to_a_server_over_tls(
    forward: ForwardProxy, secure: Echo, session: requests.Session
) -> None:
    """The client speaks with the server itself: the proxy sees a name and a port, once."""
    got = [session.get(f"https://www.echo.example/{page}", timeout=5).text for page in "ab"]
    assert got == ["GET /a ", "GET /b "]
    assert [(one.method, one.target) for one in forward.requests] == [
        ("CONNECT", "www.echo.example:443")
    ]
    assert secure.requests[0].header("Host") == "www.echo.example"


def test_more_than_fits_at_once_passes_both_ways(
    forward: ForwardProxy, session: requests.Session
) -> None:
    """A large body arrives whole, and comes back whole."""
    body = "much " * 200_000
    assert session.post("https://www.echo.example/", body, timeout=10).text == f"POST / {body}"


def test_an_address_leads_where_it_says(
    local_internet: LocalInternet, forward: ForwardProxy, session: requests.Session
) -> None:
    """As it does for http:// URLs."""
    with Echo(local_internet.authority.issue()) as server:
        assert session.get(f"{server.url}/x", timeout=5).text == "GET /x "
    assert forward.requests[0].target == server.address


def test_an_unknown_name_gets_a_bad_gateway(forward: ForwardProxy) -> None:
    """There is no way to the real internet."""
    with _asking(forward, "www.duckdns.org:443") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_a_tunnel_can_be_refused(forward: ForwardProxy) -> None:
    """The faults of a proxy happen to CONNECT as well."""
    forward.on("CONNECT", "^www.echo.example:443$", Answer(407), first=1)
    with _asking(forward, "www.echo.example:443") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 407 ")
    _tunnel(forward, "www.echo.example:443").close()


def test_a_tunnel_to_nowhere_is_a_cut_connection(forward: ForwardProxy) -> None:
    """The proxy knows the way, and nobody is there."""
    with Echo() as gone:
        forward.route("gone.example", gone.address)
    with _asking(forward, "gone.example:443") as connection:
        assert connection.recv(100) == b""


def test_a_tunnel_ends_with_either_side(local_internet: LocalInternet) -> None:
    """With the server, with the client, and with the proxy; no thread is left."""
    before = threading.active_count()
    with local_internet.forward_proxy() as proxy:
        with Echo() as server:
            proxy.route("name.example", server.address)
            first, second = (_tunnel(proxy, "name.example:443") for _ in range(2))
            first.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = b""
            while not answer.endswith(b"GET / "):
                more = first.recv(1000)
                assert more
                answer += more
            second.close()
        with first:
            assert _rest(first) == b""
    assert threading.active_count() <= before


def test_a_closed_proxy_ends_its_tunnels(local_internet: LocalInternet, echo: Echo) -> None:
    """Whatever still wants to pass."""
    before = threading.active_count()
    with local_internet.forward_proxy() as proxy:
        tunnel = _tunnel(proxy, echo.address)
    assert tunnel.recv(1) == b""
    tunnel.close()
    assert threading.active_count() <= before + 1  # The echo server's thread for the tunnel.


def _asking(proxy: ForwardProxy, target: str) -> socket.socket:
    # Not by requests: http.client before 3.12 leaves the socket of a refused CONNECT unclosed.
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    return connection


def _tunnel(proxy: ForwardProxy, target: str) -> socket.socket:
    tunnel = _asking(proxy, target)
    assert tunnel.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"
    return tunnel


def _rest(connection: socket.socket) -> bytes:
    rest = b""
    while piece := connection.recv(1000):
        rest += piece
    return rest
