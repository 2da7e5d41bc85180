"""What the router says of itself, by NAT-PMP (RFC 6886, section 3.2)."""

import socket
import struct
from ipaddress import IPv4Address
from pathlib import Path

ROUTES = Path("/proc/net/route")
PORT = 5351

_PATIENCE = 1.0
_TRIES = 2
_ASK_ADDRESS = b"\x00\x00"  # version 0, opcode 0
_ANSWER = struct.Struct("!BBHI4s")  # version, opcode + 128, result, seconds since start, address
_ANSWERED = 128


def gateway() -> str | None:
    """Return the address of the router that IPv4 packets leave by; None when there is none."""
    try:
        lines = ROUTES.read_text().splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        _, destination, router, *_ = line.split()
        if destination == "00000000" and router != "00000000":
            return str(IPv4Address(struct.pack("<L", int(router, 16))))
    return None


def outer_address(router: str) -> IPv4Address | None:
    """Ask the router for its address outside; None when it does not say, as many do not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_PATIENCE)
        try:
            asking.connect((router, PORT))
            for _ in range(_TRIES):
                asking.send(_ASK_ADDRESS)
                try:
                    return _read(asking.recv(64))
                except TimeoutError:
                    continue
        except OSError:
            return None
    return None


def _read(answer: bytes) -> IPv4Address | None:
    if len(answer) < _ANSWER.size:
        return None
    _, opcode, result, _, address = _ANSWER.unpack_from(answer)
    known = opcode == _ANSWERED and result == 0 and any(address)
    return IPv4Address(address) if known else None
