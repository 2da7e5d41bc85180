"""Caddy, the web server in front of everything."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from cryptography import x509

from .process import Server

_BOOTSTRAP = """{{
\tadmin {admin}
\tauto_https off
}}
"""


class Response(NamedTuple):
    """What a web server answered."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: str
    certificate: x509.Certificate | None
    """The leaf that the server showed; None over plain HTTP."""

    @property
    def serial(self) -> int:
        """The serial number of the leaf."""
        return self._leaf.serial_number

    @property
    def issuer(self) -> str:
        """The issuer of the leaf as in RFC 4514: `CN=Pebble Intermediate CA 1b2c3d`."""
        return self._leaf.issuer.rfc4514_string()

    @property
    def names(self) -> list[str]:
        """The DNS names and IP addresses of the leaf, in its order."""
        extension = self._leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return [str(name.value) for name in extension.value]

    @property
    def _leaf(self) -> x509.Certificate:
        if self.certificate is None:
            raise ValueError("The answer came over plain HTTP and has no certificate.")
        return self.certificate


class Caddy(Server):
    """Caddy as a home server runs it: one Caddyfile, an admin API, a port each for HTTP and HTTPS.

    A start reads the Caddyfile, which has to name `admin`; while there is none, Caddy waits with
    nothing but its admin API. Both ports must be told to Caddy by the Caddyfile.
    """

    program = "caddy"

    def __init__(
        self,
        caddyfile: Path | None = None,
        *,
        http_port: int,
        https_port: int,
        admin_port: int,
        user: str | int | None = None,
        group: str | int | None = None,
        parent: Path | None = None,
    ) -> None:
        """Prepare a server; `user` and `group`, for which one must be root, are whom it runs as.

        Without a `caddyfile`, one in the server's own directory is meant.
        """
        super().__init__(parent, user=user, group=group)
        self.caddyfile = caddyfile or self.home / "Caddyfile"
        self.http_port = http_port
        self.https_port = https_port
        self.admin = f"127.0.0.1:{admin_port}"
        """Where the admin API listens, as a Caddyfile takes it; `http://` before it is its URL."""

    def command(self) -> list[str]:
        """Take the Caddyfile, or write one that has nothing but the admin API."""
        file = self.caddyfile
        if not file.exists():
            file = self.home / "Caddyfile.bootstrap"
            file.write_text(_BOOTSTRAP.format(admin=self.admin))
        return ["run", "--config", str(file), "--adapter", "caddyfile"]

    def environment(self) -> Mapping[str, str]:
        """Return where Caddy keeps what it would put into somebody's home."""
        # CADDY_ADMIN is left out on purpose: it would hide that a Caddyfile forgot `admin`.
        return {"HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data")}

    def ready(self) -> bool:
        """Tell whether the admin API answers."""
        host, _, port = self.admin.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=1)
        try:
            connection.request("GET", "/config/")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def restart(self) -> Self:
        """Stop and start: what it serves afterwards is what is on disk."""
        self.stop()
        return self.start()

    def get(self, name: str, path: str = "/", *, ca: str, address: str = "127.0.0.1") -> Response:
        """Ask for a path of a name over TLS, and verify the certificate against the PEM `ca`.

        The name is looked up nowhere: the request goes to `address` and the HTTPS port. Redirects
        are not followed.

        Raises `ssl.SSLCertVerificationError` when the certificate is not good for the name, and
        other `OSError` when nobody answers.
        """
        context = ssl.create_default_context(cadata=ca)
        with (
            socket.create_connection((address, self.https_port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=name) as secured,
        ):
            leaf = secured.getpeercert(binary_form=True)
            return _exchange(secured, name, self.https_port, path, leaf)

    def get_plain(self, name: str, path: str = "/") -> Response:
        """Ask for a path of a name over plain HTTP at 127.0.0.1 and the HTTP port.

        Raises `OSError` when nobody answers.
        """
        with socket.create_connection(("127.0.0.1", self.http_port), timeout=10) as raw:
            return _exchange(raw, name, self.http_port, path, None)


def _exchange(
    connected: socket.socket, name: str, port: int, path: str, leaf: bytes | None
) -> Response:
    connection = http.client.HTTPConnection(name, port)
    connection.sock = connected
    connection.request("GET", path, headers={"Connection": "close"})
    reply = connection.getresponse()
    body = reply.read().decode(errors="replace")
    certificate = x509.load_der_x509_certificate(leaf) if leaf else None
    headers = {key.lower(): value for key, value in reply.getheaders()}
    connection.close()
    return Response(reply.status, headers, body, certificate)
