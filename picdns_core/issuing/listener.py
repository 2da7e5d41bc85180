"""The built-in listener for HTTP-01, where no Caddy is configured to answer the CA."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EADDRINUSE, EAFNOSUPPORT
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SHUT_RDWR
from socketserver import ThreadingTCPServer
from typing import ClassVar

from picdns_core.errors import ChallengeFailed
from picdns_core.issuing.http01 import PATH
from picdns_core.secret import one_line
from picdns_core.store import Store

_log = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    store: ClassVar[Store]
    timeout = 10  # seconds for a client that connects and says nothing

    def do_GET(self) -> None:
        token = self.path.removeprefix(PATH)
        try:
            body = self.store.get(f"webroot/{token}") if self.path.startswith(PATH) else None
        except ValueError:  # not a token at all
            body = None
        self.send_response(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        client, said = self.address_string(), one_line(format % args)
        _log.debug("%s %s", client, said, extra={"event": "challenge_request", "client": client})


class _Server(ThreadingTCPServer):
    """One listening socket; a CA asks from several places at a time, hence the queue."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128
    host = ""

    def __init__(self, port: int, store: Store) -> None:
        super().__init__((self.host, port), type("Handler", (_Handler,), {"store": store}))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Say it to the log, not to standard error: who asks may hang up at any time."""
        _log.info(
            "could not answer %s",
            client_address,
            exc_info=True,
            extra={"event": "challenge_unanswered", "client": str(client_address)},
        )

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


def bind(port: int, store: Store) -> list[_Server]:
    """Bind IPv4 and IPv6; a port that somebody else holds is theirs to answer on."""
    servers: list[_Server] = []
    for kind in (_Server, _Server6):
        try:
            servers.append(kind(port, store))
        except OSError as error:
            if error.errno == EACCES:
                raise ChallengeFailed(
                    f"This user may not listen on port {port}, and no Caddy is configured to "
                    "answer the CA there; the CA was not asked.",
                    hint="Set picdns.caddy, or run with the capability CAP_NET_BIND_SERVICE.",
                ) from None
            if error.errno not in (EADDRINUSE, EAFNOSUPPORT):
                _log.info(
                    "no listener on port %s: %s",
                    port,
                    error,
                    extra={"event": "listener_failed", "port": port},
                )
    return servers


@contextmanager
def serving(server: _Server) -> Iterator[None]:
    """Answer until the context is left."""
    thread = threading.Thread(target=server.accept_until_shut, name="picdns-http01", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.socket.shutdown(SHUT_RDWR)
        thread.join()
        server.server_close()
