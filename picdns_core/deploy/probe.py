"""Which certificate is really served: a TLS handshake, and a look at the leaf."""

import socket
import ssl
import time
from typing import TYPE_CHECKING

from picdns_core import names

if TYPE_CHECKING:
    from cryptography import x509

_TIMEOUT = 3.0
_PATIENCE, _PAUSE = 5.0, 0.02


def served_serial(address: str, name: str) -> str | None:
    """Return the serial, in hex, of the leaf that `address` (host:port) serves for `name`.

    None when nothing answers there, or not with TLS.
    """
    from picdns_core.pem import serial_hex

    try:
        return serial_hex(served_leaf(address, name))
    except OSError:
        return None


def served_leaf(address: str, name: str) -> "x509.Certificate":
    """Return the leaf that `address` (host:port) serves for `name`; OSError says why there is none.

    The leaf is compared and not trusted, so the handshake verifies nothing.
    """
    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's roots: 30 ms less
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(names.host_port(address), _TIMEOUT) as connection,
        context.wrap_socket(connection, server_hostname=name.removeprefix("*.")) as tls,
    ):
        leaf = tls.getpeercert(binary_form=True)
    if not leaf:
        raise ssl.SSLError("no certificate came")
    return x509.load_der_x509_certificate(leaf)


def await_serial(address: str, name: str, serial: str) -> str | None:
    """Probe until `serial` is served, for a few seconds at most; return what was served last."""
    deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
    while (served := served_serial(address, name)) != serial and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
    return served
