"""Knot DNS, one process for one zone, so that referrals and authority are real."""

import base64
import secrets
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.tsig

from .process import Server

_CONFIGURATION = """
server:
  rundir: "{home}"
  listen: {address}@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: "{home}/control"
log:
  - target: stdout
    any: info
database:
  storage: "{home}"
key:
  - id: {key.name}
    algorithm: {key.algorithm}
    secret: {key.secret}
acl:
  - id: holders
    key: {key.name}
    action: [update, transfer]
zone:
  - domain: {zone}
    file: "{home}/zone"
    acl: holders
    zonefile-sync: -1
    journal-content: changes
"""


_DATA, _END, _CLOSE = b"\x01", b"\x03", b"\x00"
_COMMAND, _ZONE = 0, 6
"""Kinds and items of Knot's control protocol: `src/libknot/control/control.c`."""


class TransactionKey(NamedTuple):
    """A TSIG key (RFC 8945): who holds it may change and transfer the zone."""

    name: str
    algorithm: str
    secret: str
    """In base64, as Knot, BIND, nsupdate and dnspython take it."""

    @classmethod
    def random(cls) -> "TransactionKey":
        """Make a fresh one."""
        return cls("picdns", "hmac-sha256", base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def keyring(self) -> Mapping[dns.name.Name, dns.tsig.Key]:
        """The key as dnspython's messages take it."""
        name = dns.name.from_text(self.name)
        return {name: dns.tsig.Key(name, self.secret, self.algorithm)}


class Knot(Server):
    """An authoritative server for one zone on an address and port of its own."""

    program = "knotd"

    def __init__(
        self,
        zone: str,
        *,
        hostname: str,
        address: str,
        port: int,
        key: TransactionKey,
        content: str,
        parent: Path | None = None,
    ) -> None:
        """Prepare a server of `zone`, an absolute name such as `home.test.`.

        `hostname` is what its NS record says, absolute too. `content` is the zone file that it
        begins with; afterwards it changes by DNS UPDATE with `key` only, and a restart of the
        same server keeps the changes.
        """
        super().__init__(parent)
        self.zone = zone
        self.hostname = hostname
        self.address = address
        self.port = port
        self.key = key
        (self.home / "zone").write_text(content)

    def command(self) -> list[str]:
        """Write the configuration."""
        file = self.home / "knot.conf"
        file.touch(mode=0o600)
        file.write_text(
            _CONFIGURATION.format(
                home=self.home,
                address=self.address,
                port=self.port,
                zone=self.zone,
                key=self.key,
            )
        )
        return ["--config", str(file)]

    def ready(self) -> bool:
        """Tell whether it answers for its zone with authority."""
        query = dns.message.make_query(self.zone, "SOA")
        try:
            reply = dns.query.tcp(query, self.address, timeout=1, port=self.port)
        except (OSError, EOFError, dns.exception.DNSException):
            return False
        return bool(reply.answer) and bool(reply.flags & dns.flags.AA)

    def settle(self) -> None:
        """Let it do now what a change of the zone entails, instead of a second later.

        Knot plans a NOTIFY one second after each change, and may hold the next change till then.
        """
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(f"{self.home}/control")
            control.sendall(_DATA + _item(_COMMAND, "zone-notify") + _item(_ZONE, self.zone) + _END)
            answer = b""
            while not answer.endswith(_END):
                if not (more := control.recv(4096)):
                    break
                answer += more
            control.sendall(_CLOSE)


def _item(number: int, text: str) -> bytes:
    data = text.encode()
    return struct.pack(">BH", 16 + number, len(data)) + data
