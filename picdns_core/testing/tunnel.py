"""A blind tunnel: bytes that pass between two connections, whatever they mean."""

import selectors
import socket

_AT_ONCE = 65536


def connect(where: str, patience: float) -> socket.socket:
    """Connect to an `address:port`, in so many seconds at most; raises `OSError`."""
    host, _, port = where.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), patience)


def relay(one: socket.socket, other: socket.socket, idle: float) -> None:
    """Pass bytes both ways until both sides have ended, or none has come for `idle` seconds.

    Raises `OSError` when a connection breaks.
    """
    with selectors.DefaultSelector() as waiting:
        waiting.register(one, selectors.EVENT_READ, (one, other))
        waiting.register(other, selectors.EVENT_READ, (other, one))
        while waiting.get_map() and (ready := waiting.select(idle)):
            for key, _ in ready:
                source, sink = key.data
                if piece := source.recv(_AT_ONCE):
                    sink.sendall(piece)
                else:
                    waiting.unregister(source)
                    sink.shutdown(socket.SHUT_WR)
