"""What one name server answers, asked as a client would."""

import time
from collections.abc import Mapping

from msgspec import Struct

from picdns_core import names

_TIMEOUT = 2.0
_PATIENCE, _PAUSE = 6.0, 0.02  # CoreDNS lets those who ask leave for up to 5 s first


class Heard(Struct, frozen=True, kw_only=True):
    """An answer: `rcode` in words (`NOERROR`, `REFUSED`), None when nobody answered.

    `values` are those of the type that was asked for, in the form of zone files, sorted; `aa` says
    whether the server has authority over the name.
    """

    rcode: str | None
    values: tuple[str, ...] = ()
    aa: bool = False


def ask(server: str, name: str, rdtype: str) -> Heard:
    """Ask the server at `host:port` over UDP, and over TCP where the answer is too long for it."""
    import socket

    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype

    query = dns.message.make_query(name, rdtype)
    try:
        family, *_, at = socket.getaddrinfo(*names.host_port(server), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as connected:
            connected.settimeout(0)
            connected.connect(at)  # so that a server which is down is known at once
            dns.query.send_udp(connected, query, None)
            deadline = time.time() + _TIMEOUT
            reply, _ = dns.query.receive_udp(
                connected, at, deadline, ignore_errors=True, query=query
            )
        if reply.flags & dns.flags.TC:
            reply = dns.query.tcp(query, str(at[0]), _TIMEOUT, int(at[1]))
    except (OSError, EOFError, dns.exception.DNSException):
        return Heard(rcode=None)
    asked = dns.rdatatype.from_text(rdtype)
    values = {str(item) for rrset in reply.answer if rrset.rdtype == asked for item in rrset}
    return Heard(
        rcode=dns.rcode.to_text(reply.rcode()),
        values=tuple(sorted(values)),
        aa=bool(reply.flags & dns.flags.AA),
    )


def serial(server: str, zone: str) -> int | None:
    """Return the serial that the server answers for a zone it has authority over."""
    heard = ask(server, zone, "SOA")
    return int(heard.values[0].split()[2]) if heard.aa and heard.values else None


def await_serials(server: str, wanted: Mapping[str, int]) -> dict[str, int | None]:
    """Ask until each zone has its serial, for some seconds at most; return what was heard last."""
    deadline, pause = time.monotonic() + _PATIENCE, _PAUSE
    while True:
        heard = {zone: serial(server, zone) for zone in wanted}
        if heard == wanted or time.monotonic() > deadline:
            return heard
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
