"""Which certificate is really served: a TLS handshake, and a look at the leaf."""

import socket
import ssl
from typing import TYPE_CHECKING

from picdns_core import names

if TYPE_CHECKING:
    from cryptography import x509

_TIMEOUT = 3.0


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
