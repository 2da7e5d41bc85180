"""Ports and addresses of 127.0.0.0/8 which no other harness on this machine uses."""

import contextlib
import errno
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_LOWEST_PORT = 10_000
_ATTEMPTS = 500


class Loopback:
    """What one harness has claimed of the loopback network, until it is closed.

    A claim is an abstract Unix socket: two processes cannot hold the same one, and the kernel
    drops it with its process, so that a harness which was killed leaves nothing behind.
    """

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def port(self) -> int:
        """Claim a port that is free for TCP and UDP on every IPv4 address of this machine.

        It lies below the range from which the kernel serves outgoing connections, so that none
        of them takes it before its server starts, or while its server is being restarted.

        Raises `OSError` when there is none.
        """
        lowest, beyond = _LOWEST_PORT, _first_ephemeral_port()
        for _ in range(_ATTEMPTS):
            port = lowest + secrets.randbelow(beyond - lowest)
            if _is_free(port) and self._claim(f"port/{port}"):
                return port
        raise OSError(errno.EADDRINUSE, f"no free port from {lowest} to {beyond - 1}")

    def network(self) -> str:
        """Claim a /24 of 127.0.0.0/8; returns its first three numbers, as in `127.44.7`.

        Linux answers on all of 127.0.0.0/8 without any preparation.

        Raises `OSError` when there is none.
        """
        for _ in range(_ATTEMPTS):
            network = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}"
            if self._claim(f"network/{network}"):
                return network
        raise OSError(errno.EADDRINUSE, "no free /24 in 127.0.0.0/8")

    def close(self) -> None:
        """Give every claim back."""
        while self._claims:
            self._claims.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _claim(self, name: str) -> bool:
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0picdns-testing/{name}")
        except OSError:
            holder.close()
            return False
        self._claims.append(holder)
        return True


def _is_free(port: int) -> bool:
    with contextlib.ExitStack() as stack:
        for holder in _holders():
            stack.enter_context(holder)
            try:
                holder.bind(("", port))
            except OSError:
                return False
    return True


def _holders() -> Iterator[socket.socket]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        yield socket.socket(socket.AF_INET, kind)


def _first_ephemeral_port() -> int:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    # A machine may let its ephemeral ports begin low down; then they have to be shared.
    return first if first >= 2 * _LOWEST_PORT else 65_536
