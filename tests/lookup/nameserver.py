"""A name server that says what a test tells it to, over UDP and TCP."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any, Self

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata

Query = dns.message.QueryMessage
Reply = dns.message.Message | None
Respond = Callable[[Query], Reply]


class NameServer:
    """Answers with what `respond` returns, and nothing for None; remembers its questions."""

    def __init__(self, address: str, port: int, respond: Respond) -> None:
        self.address = address
        self.port = port
        self.respond = respond
        self.asked: list[str] = []
        kinds = (_Udp6, _Tcp6) if ":" in address else (_Udp, _Tcp)
        self._servers = [kind((address, port), self) for kind in kinds]
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.02,)) for server in self._servers
        ]
        for thread in self._threads:
            thread.start()

    def answer(self, wire: bytes, *, most: int) -> bytes | None:
        query = dns.message.from_wire(wire)
        assert isinstance(query, dns.message.QueryMessage)
        self.asked.append(query.question[0].to_text().replace(" IN", "").lower())
        reply = self.respond(query)
        if reply is None:
            return None
        reply.id = query.id
        reply.flags |= dns.flags.QR
        return reply.to_wire(max_size=most, prefer_truncation=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def reply_to(
    query: Query,
    *answer: str,
    authority: tuple[str, ...] = (),
    additional: tuple[str, ...] = (),
    rcode: int = dns.rcode.NOERROR,
    authoritative: bool = True,
) -> dns.message.Message:
    """Make a reply from records such as `www.home.test. 1 IN A 127.0.0.1`."""
    reply = dns.message.make_response(query, recursion_available=not authoritative)
    if authoritative:
        reply.flags |= dns.flags.AA
    reply.set_rcode(dns.rcode.Rcode(rcode))
    sections = (
        (reply.answer, answer),
        (reply.authority, authority),
        (reply.additional, additional),
    )
    for section, records in sections:
        for record in records:
            name, ttl, _, rdtype, value = record.split(" ", 4)
            rdata = dns.rdata.from_text("IN", rdtype, value)
            reply.find_rrset(
                section, dns.name.from_text(name), rdata.rdclass, rdata.rdtype, create=True
            ).add(rdata, int(ttl))
    return reply


def forward_to(address: str, port: int) -> Respond:
    """Answer as another server does, recursively when it is a resolver."""

    def respond(query: Query) -> dns.message.Message:
        return dns.query.tcp(query, address, timeout=5, port=port)

    return respond


def refer_to(zone: str, server: str, *glue: str) -> Respond:
    """Refer everything to another zone's server."""

    def respond(query: Query) -> dns.message.Message:
        return reply_to(
            query, authority=(f"{zone} 1 IN NS {server}",), additional=glue, authoritative=False
        )

    return respond


class _Handler(socketserver.BaseRequestHandler):
    server: Any

    def handle(self) -> None:
        if isinstance(self.request, tuple):
            wire, connection = self.request
            if reply := self.server.owner.answer(wire, most=1232):
                connection.sendto(reply, self.client_address)
        else:
            (length,) = struct.unpack("!H", self.request.recv(2))
            if reply := self.server.owner.answer(self.request.recv(length), most=65535):
                self.request.sendall(struct.pack("!H", len(reply)) + reply)


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, where: tuple[str, int], owner: NameServer) -> None:
        self.owner = owner
        super().__init__(where, _Handler)


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, where: tuple[str, int], owner: NameServer) -> None:
        self.owner = owner
        super().__init__(where, _Handler)


class _Tcp6(_Tcp):
    address_family = socket.AF_INET6


class _Udp6(_Udp):
    address_family = socket.AF_INET6
