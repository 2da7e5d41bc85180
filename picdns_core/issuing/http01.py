"""HTTP-01 (RFC 8555, section 8.3): answers in the webroot, a listener, and a look from outside."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from errno import EACCES, EADDRINUSE, EAFNOSUPPORT
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SHUT_RDWR
from socketserver import ThreadingTCPServer
from typing import ClassVar, Self

import requests

from picdns_core.errors import ChallengeFailed
from picdns_core.model import Progress, Step
from picdns_core.store import Store

_PATH = "/.well-known/acme-challenge/"
_PROBE_TIMEOUT = (2.0, 3.0)
_LONGEST_ANSWER = 256
_log = logging.getLogger(__name__)


class Http01Responder:
    """Shows the CA what it asks for; used by several orders at a time.

    `port` is where the CA asks. With `listen` we answer there ourselves, from the first answer
    on until the responder is left; else Caddy does, from the webroot.
    """

    def __init__(self, store: Store, port: int, *, listen: bool, progress: Progress) -> None:
        self._store = store
        self._port = port
        self._progress = progress
        self._must_listen = listen
        self._guard = threading.Lock()
        self._listeners = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listeners.close()

    def publish(self, token: str, key_authorization: str) -> None:
        """Answer this token; ChallengeFailed when we may not listen where the CA asks."""
        with self._guard:
            if self._must_listen:
                for server in self._servers():
                    self._listeners.enter_context(_serving(server))
                self._must_listen = False
        self._store.put(f"webroot/{token}", key_authorization.encode())

    def withdraw(self, token: str) -> None:
        self._store.delete(f"webroot/{token}")

    def self_probe(self, name: str, token: str) -> None:
        """Ask for a token of ours as the CA will; ChallengeFailed when something else answers.

        Many routers cannot reach themselves, so an answer that does not come proves nothing
        and is only said.
        """
        expected = secrets.token_urlsafe(16)
        port = "" if self._port == 80 else f":{self._port}"  # noqa: PLR2004
        self.publish(token, expected)
        try:
            url = f"http://{name}{port}{_PATH}{token}"
            with requests.get(url, timeout=_PROBE_TIMEOUT, stream=True) as answer:
                body = _beginning(answer)
        except requests.RequestException as error:
            _log.info("self-probe of %s failed: %s", name, error)
            self._progress(
                Step(text="Not reachable from here, as behind many routers; going on", name=name)
            )
            return
        finally:
            self.withdraw(token)
        if body != expected.encode():
            raise ChallengeFailed(
                f"http://{name}{port} is answered by something else (status {answer.status_code}), "
                "so the CA was not asked. What is served stays so.",
                hint="Let port 80 of this name lead to the cell's Caddy: check DNS, the router's "
                "port forwarding, and proxies in front.",
            )

    def _servers(self) -> list[_Server]:
        """Bind IPv4 and IPv6; a port that somebody else holds is theirs to answer on."""
        servers: list[_Server] = []
        for kind in (_Server, _Server6):
            try:
                servers.append(kind(self._port, self._store))
            except OSError as error:
                if error.errno == EACCES:
                    raise ChallengeFailed(
                        f"This user may not listen on port {self._port}, and no Caddy is "
                        "configured to answer the CA there; the CA was not asked.",
                        hint="Set picdns.caddy, or run with the capability CAP_NET_BIND_SERVICE.",
                    ) from None
                if error.errno not in (EADDRINUSE, EAFNOSUPPORT):
                    _log.info("no listener on port %s: %s", self._port, error)
        if not servers:
            self._progress(
                Step(
                    text=f"Port {self._port} is in use: its server must serve {_PATH} "
                    "from our webroot"
                )
            )
        return servers


def _beginning(answer: requests.Response) -> bytes:
    """Read as much as an answer can have, from a server that may never end or be slow."""
    deadline, body = time.monotonic() + _PROBE_TIMEOUT[1], b""
    for byte in answer.iter_content(1):
        body += byte
        if len(body) > _LONGEST_ANSWER or time.monotonic() > deadline:
            break
    return body.strip()


class _Handler(BaseHTTPRequestHandler):
    store: ClassVar[Store]
    timeout = 10  # seconds for a client that connects and says nothing

    def do_GET(self) -> None:
        token = self.path.removeprefix(_PATH)
        try:
            body = self.store.get(f"webroot/{token}") if self.path.startswith(_PATH) else None
        except ValueError:  # not a token at all
            body = None
        self.send_response(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        _log.debug("%s %s", self.address_string(), format % args)


class _Server(ThreadingTCPServer):
    """One listening socket; a CA asks from several places at a time, hence the queue."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128
    host = ""

    def __init__(self, port: int, store: Store) -> None:
        super().__init__((self.host, port), type("Handler", (_Handler,), {"store": store}))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Say it to the log, not to standard error: who asks may hang up at any time."""
        _log.info("could not answer %s", client_address, exc_info=True)

    def server_bind(self) -> None:
        if self.address_family == AF_INET6:
            self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        super().server_bind()

    def accept_until_shut(self) -> None:
        """Serve until the socket is shut; `serve_forever` would notice only at its next poll."""
        while True:
            try:
                connection, address = self.socket.accept()
            except OSError:
                return
            self.process_request(connection, address)


class _Server6(_Server):
    address_family = AF_INET6
    host = "::"


@contextmanager
def _serving(server: _Server) -> Iterator[None]:
    thread = threading.Thread(target=server.accept_until_shut, name="picdns-http01", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.socket.shutdown(SHUT_RDWR)
        thread.join()
        server.server_close()
