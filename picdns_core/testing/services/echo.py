"""Stand-ins for services that tell whoever asks it their public address, over HTTPS and DNS."""

import socketserver
import threading
from collections.abc import Iterator
from http import HTTPStatus
from socket import AF_INET, AF_INET6
from typing import Any, Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from flask import Flask, Response

from picdns_core.testing.certificates import ServerCertificate
from picdns_core.testing.faults import Fault
from picdns_core.testing.services.standin import StandIn
from picdns_core.testing.tunnel import connect, relay

Family = Literal["ipv4", "ipv6"]

_IDLE = 10.0  # seconds
_OPERATORS = ("Alpha", "Beta", "Gamma", "Delta")

# Loopback, and what is for documentation (RFC 5737, RFC 3849).
_ALSO_GLOBAL = (
    *("127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    *("::1/128", "2001:db8::/32"),
)

# As Cloudflare answers (https://github.com/fawazahmed0/cloudflare-trace-api).
_TRACE = """fl=123f45
h=api.cloudflare.com
ip={address}
ts=1667376422.123
visit_scheme=https
uag=python-requests
colo=FRA
sliver=none
http=http/1.1
loc=DE
tls=TLSv1.3
sni=plaintext
warp=off
gateway=off
rbi=off
kex=X25519
"""


class Echo:
    """One operator, which answers in each family at `/`, `/cdn-cgi/trace` and over DNS.

        alpha = net.echoes()["Alpha"]
        alpha.ipv4 = "192.0.2.66"   # it lies
        alpha.ipv4 = None           # it is down: status 503, SERVFAIL
        alpha.on("GET", "/", Delay(30))

    The DNS names are those of OpenDNS (`myip.opendns.com`, A or AAAA), Google
    (`o-o.myaddr.l.google.com`, TXT: coturn/coturn#2060) and Cloudflare (`whoami.cloudflare`, TXT
    of class CH: oznu/docker-cloudflare-ddns#19).
    """

    def __init__(self, operator: str, certificate: ServerCertificate) -> None:
        """Listen, seeing no address yet."""
        self.operator = operator
        self.ipv4: str | None = None
        """The address that it says, as text of any kind; None when it is down."""
        self.ipv6: str | None = None
        """The same, to whoever asks over IPv6."""
        self.records: tuple[str, ...] | None = None
        """What it answers over DNS instead, where that is not just the address."""
        self.silent = False
        """Whether questions over DNS get no reply at all."""
        self.asked: list[str] = []
        """What it was asked: `ipv4 https`, `ipv6 dns` and so on."""
        self._dns = {family: _NameServer(self, family) for family in _FAMILIES}
        self._https = {
            family: StandIn(_application(self, family), certificate) for family in _FAMILIES
        }
        self._door = _Door(self._https["ipv6"].address)
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.02,))
            for server in (self._door, *self._dns.values())
        ]
        for thread in self._threads:
            thread.start()

    @property
    def sources(self) -> list[dict[str, str]]:
        """Its four sources, as they stand in `picdns.address.sources`."""
        question = "myip.opendns.com?type="
        return [
            {"operator": self.operator, "url": url}
            for url in (
                self.url("ipv4"),
                self.url("ipv6"),
                self.dns_url("ipv4", f"{question}A"),
                self.dns_url("ipv6", f"{question}AAAA"),
            )
        ]

    def url(self, family: Family, path: str = "/") -> str:
        """Return where it is asked over HTTPS."""
        if family == "ipv4":
            return f"{self._https['ipv4'].url}{path}"
        return f"https://[::1]:{self._door.server_address[1]}{path}"

    def dns_url(self, family: Family, question: str) -> str:
        """Return a question to it, as in `whoami.cloudflare?type=TXT;class=CH`."""
        host = "127.0.0.1" if family == "ipv4" else "[::1]"
        return f"dns://{host}:{self._dns[family].server_address[1]}/{question}"

    def on(self, method: str, target: str, fault: Fault, *, first: int | None = None) -> None:
        """Let a fault happen to requests over HTTPS: see `Faults.on`."""
        for server in self._https.values():
            server.on(method, target, fault, first=first)

    def recover(self) -> None:
        """Let it be well again, seeing what it saw."""
        self.records = None
        self.silent = False
        for server in self._https.values():
            server.faults.end()
            server.faults.clear()

    def says(self, family: Family) -> str | None:
        """Return what it says in a family."""
        return self.ipv4 if family == "ipv4" else self.ipv6

    def close(self) -> None:
        """Stop; safe twice."""
        for https in self._https.values():
            https.close()
        for server, thread in zip((self._door, *self._dns.values()), self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class Echoes:
    """Several operators, and the addresses at which they all see this host.

    echoes = net.echoes("Alpha", "Beta", "Gamma")
    echoes.see(ipv4="192.0.2.7")
    cell.set(picdns=net.settings(echoes=echoes))
    """

    def __init__(self, certificate: ServerCertificate, *operators: str) -> None:
        """Listen; they begin with seeing 127.0.0.1 and ::1."""
        self._echoes = [Echo(operator, certificate) for operator in operators or _OPERATORS]
        self.see(ipv4="127.0.0.1", ipv6="::1")

    def see(self, *, ipv4: str | None = None, ipv6: str | None = None) -> None:
        """Let all say these addresses from now on; None takes them down in that family."""
        for echo in self._echoes:
            echo.ipv4, echo.ipv6 = ipv4, ipv6

    def settings(self) -> dict[str, Any]:
        """Return what a cell's config has under `picdns.address`."""
        return {
            "sources": [source for echo in self._echoes for source in echo.sources],
            "ipv4": "auto",
            "ipv6": "auto",
            "also_global": list(_ALSO_GLOBAL),
        }

    @property
    def asked(self) -> list[str]:
        """All that was asked of any operator."""
        return [asked for echo in self._echoes for asked in echo.asked]

    def __getitem__(self, operator: str) -> Echo:
        return next(echo for echo in self._echoes if echo.operator == operator)

    def __iter__(self) -> Iterator[Echo]:
        return iter(self._echoes)

    def close(self) -> None:
        """Stop all; safe twice."""
        for echo in self._echoes:
            echo.close()


_FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


def _application(echo: Echo, family: Family) -> Flask:
    app = Flask(__name__)

    @app.before_request
    def remember() -> Response | None:
        echo.asked.append(f"{family} https")
        down = echo.says(family) is None
        return Response(status=HTTPStatus.SERVICE_UNAVAILABLE) if down else None

    @app.get("/")
    def text() -> Response:
        """Answer as checkip.global.api.aws and icanhazip.com do, with a line end."""
        return Response(f"{echo.says(family)}\n", mimetype="text/plain")

    @app.get("/cdn-cgi/trace")
    def trace() -> Response:
        return Response(_TRACE.format(address=echo.says(family)), mimetype="text/plain")

    return app


class _Door(socketserver.ThreadingTCPServer):
    """Listens on ::1, and leads to an HTTP server of this harness, which are on 127.0.0.1."""

    address_family = AF_INET6
    daemon_threads = True

    def __init__(self, leads_to: str) -> None:
        self.leads_to = leads_to
        super().__init__(("::1", 0), _Visit)


class _Visit(socketserver.BaseRequestHandler):
    server: _Door

    def handle(self) -> None:
        try:
            with connect(self.server.leads_to, _IDLE) as upstream:
                relay(self.request, upstream, _IDLE)
        except OSError:
            return  # cut, as it happens


class _NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, echo: Echo, family: Family) -> None:
        self.address_family = AF_INET if family == "ipv4" else AF_INET6
        self.echo = echo
        self.family = family
        super().__init__(("127.0.0.1" if family == "ipv4" else "::1", 0), _Answering)


class _Answering(socketserver.BaseRequestHandler):
    server: _NameServer

    def handle(self) -> None:
        wire, connection = self.request
        echo, family = self.server.echo, self.server.family
        echo.asked.append(f"{family} dns")
        if not echo.silent:
            reply = _reply(dns.message.from_wire(wire), echo, echo.says(family))
            connection.sendto(reply.to_wire(), self.client_address)


def _reply(query: dns.message.Message, echo: Echo, says: str | None) -> dns.message.Message:
    """Answer the three questions that are known; NXDOMAIN for others, SERVFAIL when down."""
    reply = dns.message.make_response(query)
    [question] = query.question
    if says is None:
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif question.to_text().lower() not in _QUESTIONS:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    else:
        rrset = reply.find_rrset(
            reply.answer, question.name, question.rdclass, question.rdtype, create=True
        )
        for text in echo.records or (says,):
            value = f'"{text}"' if question.rdtype == dns.rdatatype.TXT else text
            rrset.add(dns.rdata.from_text(question.rdclass, question.rdtype, value), 0)
    return reply


_QUESTIONS = (
    "myip.opendns.com. in a",
    "myip.opendns.com. in aaaa",
    "o-o.myaddr.l.google.com. in txt",
    "whoami.cloudflare. ch txt",
)
