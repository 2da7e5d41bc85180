"""HTTP servers that run in threads of this process: the base of proxies and stand-ins."""

import abc
import contextlib
import http
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from .certificates import ServerCertificate
from .tunnel import connect, relay

_Headers = tuple[tuple[str, str], ...]


def _find(headers: _Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    target: str
    """The path with its query; for a forward proxy the whole URL."""
    headers: _Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whose case does not matter, or None."""
        return _find(self.headers, name)


@dataclass(frozen=True)
class Reply:
    """What a server answers; it adds Content-Length where that is missing."""

    status: int
    headers: _Headers = ()
    body: bytes = b""
    tunnel: str | None = None
    """The `address:port` to which all that follows on the connection goes (RFC 9110, 9.3.6)."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whose case does not matter, or None."""
        return _find(self.headers, name)

    def with_headers(self, headers: Mapping[str, str | None]) -> "Reply":
        """Return the same with these headers set, or removed where the value is None."""
        lowered = {name.lower() for name in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in lowered)
        new = tuple((name, value) for name, value in headers.items() if value is not None)
        return replace(self, headers=kept + new)


class HttpServer(abc.ABC):
    """A small HTTP/1.1 server on a free port of 127.0.0.1, a thread for each connection.

    It listens from its making until it is closed, and remembers what it was asked.
    """

    def __init__(self, certificate: ServerCertificate | None = None) -> None:
        """Listen; over TLS when there is a certificate."""
        self.requests: list[Request] = []
        """Everything it was asked, in the order in which the requests arrived."""
        self._server = _Listener(self, certificate)
        self.port: int = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.address}"
        """Where it is, without a final slash."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name=f"picdns-testing-{self.port}"
        )
        self._thread.start()

    @abc.abstractmethod
    def respond(self, request: Request) -> Reply:
        """Answer a request; an `OSError` cuts the connection instead. Called by many threads."""

    def asked(self, request: Request) -> Reply:
        """Remember a request, then answer it."""
        self.requests.append(request)
        return self.respond(request)

    def close(self) -> None:
        """Stop listening, cut what is open and wait for all threads; safe twice."""
        self._server.shutdown()
        self._thread.join()
        self._server.cut_all()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, owner: HttpServer, certificate: ServerCertificate | None) -> None:
        self.owner = owner
        self.context: ssl.SSLContext | None = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.chain, certificate.key)
        self._open: set[socket.socket] = set()
        self._closing = False
        super().__init__(("127.0.0.1", 0), _Handler)

    @contextlib.contextmanager
    def keeping(self, connection: socket.socket) -> Iterator[None]:
        self._open.add(connection)
        if self._closing:  # `cut_all` may have come before us
            _cut(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    def cut_all(self) -> None:
        self._closing = True
        for connection in tuple(self._open):
            _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # Those are cut connections, ours or theirs.
            super().handle_error(request, client_address)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own, which would pull the TLS state from under its thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


_WITHOUT_BODY = {http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 60
    server: _Listener

    def setup(self) -> None:
        if self.server.context:
            self.request.settimeout(self.timeout)
            with self.server.keeping(self.request):
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        with self.server.keeping(self.connection):
            super().handle()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.connection.close()

    def exchange(self) -> None:
        if self.headers["Transfer-Encoding"]:
            self._send(Reply(http.HTTPStatus.LENGTH_REQUIRED, (("Connection", "close"),)))
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = tuple(self.headers.items())
        reply = self.server.owner.asked(Request(self.command, self.path, headers, body))
        if reply.tunnel:
            self._tunnel(reply.tunnel)
        else:
            self._send(reply)

    def _tunnel(self, where: str) -> None:
        """Become blind: pass bytes to and fro; a server that is not there cuts the connection."""
        self.close_connection = True
        with connect(where, self.timeout) as upstream, self.server.keeping(upstream):
            self.send_response_only(http.HTTPStatus.OK)
            self.end_headers()
            relay(self.connection, upstream, self.timeout)

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        promised = reply.header("Content-Length")
        headers: Iterable[tuple[str, str]] = reply.headers
        if promised is None and reply.status not in _WITHOUT_BODY:
            promised = str(len(reply.body))
            headers = (*headers, ("Content-Length", promised))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
            if promised and int(promised) != len(reply.body):
                self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: `HttpServer.requests` is the log."""


for _method in http.HTTPMethod:
    setattr(_Handler, f"do_{_method}", _Handler.exchange)
