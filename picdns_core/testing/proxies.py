"""Proxies of ours that stand before real servers, and let things go wrong."""

import http
import http.client
import ipaddress
import ssl
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from .certificates import ServerCertificate
from .faulty import FaultyServer
from .serving import Reply, Request

# RFC 9110, 7.6.1: these concern one connection. Content-Length is made anew from the body.
_HOP_BY_HOP = {
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_PATIENCE = 60


class FaultProxy(FaultyServer):
    """A reverse proxy before one HTTP server.

    The Host header goes through as it is, so that a server which builds URLs from it, as Pebble
    does, builds such that lead back through the proxy. Each request has a connection of its own
    to the server; if that cannot be reached, the client's is cut.
    """

    def __init__(
        self,
        upstream: str,
        *,
        certificate: ServerCertificate | None = None,
        ca_bundle: Path | None = None,
        keep_host: bool = True,
    ) -> None:
        """Stand before the server of the URL `upstream`, whose path does not matter.

        With a `certificate`, clients speak TLS to the proxy. `ca_bundle` verifies the server when
        its URL is https. A server which insists on its own name, as Caddy's admin API does, needs
        `keep_host=False`.
        """
        self._upstream = urllib.parse.urlsplit(upstream)
        self._context = (
            ssl.create_default_context(cafile=ca_bundle)
            if self._upstream.scheme == "https"
            else None
        )
        self._keep_host = keep_host
        super().__init__(certificate)

    def proxied(self, url: str) -> str:
        """Return the URL that leads to the same place of the server through this proxy."""
        parts = urllib.parse.urlsplit(url)
        return f"{self.url}{urllib.parse.urlunsplit(('', '', *parts[2:]))}"

    def _ask(self, request: Request) -> Reply:
        host, port = self._upstream.hostname or "", self._upstream.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=self._context)
            if self._context
            else http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        )
        host_header = None if self._keep_host else self._upstream.netloc
        return _pass_on(connection, request, request.target, host_header)


class ForwardProxy(FaultyServer):
    """A proxy for the `http_proxy` of an environment, which stands for the names of the internet.

    So code that asks `http://home.test/...` reaches a server on another port of this machine
    without knowing that it is tested. Targets, as rules see them, are whole URLs. URLs with an
    IP address or `localhost` in them go where they say.

    As the `https_proxy` it leads `CONNECT name:port` to the route of that name, whatever the
    port, and does not see what passes there; the server behind has to have a certificate for the
    name. Without a route the answer is 502: the default speaks no TLS.
    """

    def __init__(self, default: str, routes: Mapping[str, str] | None = None) -> None:
        """Lead requests for a name to its `address:port` in `routes`, or to `default`."""
        self._default = default
        self._routes = dict(routes or {})
        super().__init__()

    def route(self, name: str, address: str) -> None:
        """Lead requests for a name to another `address:port` from now on."""
        self._routes[name.lower()] = address

    def _ask(self, request: Request) -> Reply:
        if request.method == http.HTTPMethod.CONNECT:
            return self._tunnel(request.target)
        url = urllib.parse.urlsplit(request.target)
        if url.scheme != "http" or not url.hostname:
            return Reply(400, body=b"This proxy takes http:// URLs and CONNECT only.\n")
        where = url.netloc if _is_address(url.hostname) else self._where(url.hostname)
        path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
        connection = http.client.HTTPConnection(where, timeout=_PATIENCE)
        return _pass_on(connection, request, path, url.netloc)

    def _tunnel(self, target: str) -> Reply:
        host = target.rpartition(":")[0].lower()
        where = target if _is_address(host.strip("[]")) else self._routes.get(host)
        if where is None:
            return Reply(502, body=f"This proxy knows no way to {host}.\n".encode())
        return Reply(200, tunnel=where)

    def _where(self, name: str) -> str:
        return self._routes.get(name, self._default)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _pass_on(
    connection: http.client.HTTPConnection, request: Request, path: str, host: str | None
) -> Reply:
    headers = [
        ("Host", host) if host and name.lower() == "host" else (name, value)
        for name, value in request.headers
        if name.lower() not in _HOP_BY_HOP
    ]
    if request.header("Content-Length"):
        headers.append(("Content-Length", str(len(request.body))))
    try:
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(request.body or None)
        reply = connection.getresponse()
        body = reply.read()
        kept = [pair for pair in reply.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
        if request.method == "HEAD" and (length := reply.getheader("Content-Length")):
            kept.append(("Content-Length", length))
        return Reply(reply.status, tuple(kept), body)
    except http.client.HTTPException as error:
        raise ConnectionAbortedError from error
    finally:
        connection.close()
