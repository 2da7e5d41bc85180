"""A zone of the local DNS tree: its records, read and written over the wire."""

from collections.abc import Iterable, Sequence
from typing import cast

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TXT
import dns.tsig
import dns.update
import dns.xfr
import dns.zone

from .knot import Knot

TTL = 60
"""Seconds for which a record may be kept, where a test says nothing else."""

_PATIENCE = 5.0


class ZoneRefused(Exception):
    """A name server did not accept a change; the message names the server and its answer."""


class Zone:
    """A zone and its authoritative servers.

    Names are relative to the zone (`www`, `*`, `@` for the zone itself) or absolute with a final
    dot. Types are mnemonics (`A`, `TXT`). Values are in the presentation format of zone files,
    except that a TXT value is the bare text, of any length, without quotes; what is read back
    has absolute names.

    Several servers of one zone do not transfer to each other: each is told every change, unless
    a call names the servers it is for. So a test can let one of them lag behind.
    """

    def __init__(self, servers: Sequence[Knot]) -> None:
        """Speak for the running servers of one zone, the first of which is read from."""
        self.servers = tuple(servers)
        self.origin = dns.name.from_text(self.servers[0].zone)

    @property
    def name(self) -> str:
        """The zone's name without the final dot, as in `home.test`."""
        return self.origin.to_text(omit_final_dot=True)

    @property
    def serial(self) -> int:
        """The serial of the SOA record at the first server."""
        server = self.servers[0]
        query = dns.message.make_query(self.origin, "SOA")
        reply = dns.query.tcp(query, server.address, timeout=_PATIENCE, port=server.port)
        return cast("dns.rdtypes.ANY.SOA.SOA", reply.answer[0][0]).serial

    def set(
        self,
        name: str,
        rdtype: str,
        *values: str,
        ttl: int = TTL,
        servers: Iterable[Knot] | None = None,
    ) -> None:
        """Make `values` all that the name has of this type.

        A CNAME replaces everything else at its name, and is replaced by everything else.

        Raises `ZoneRefused`, and `OSError` or dnspython's `Timeout` when a server is not there.
        """
        update = self._update()
        update.delete(name) if rdtype == "CNAME" else update.delete(name, "CNAME")
        update.replace(name, ttl, *(self._rdata(rdtype, value) for value in values))
        self._send(update, servers)

    def delete(
        self,
        name: str,
        rdtype: str | None = None,
        *values: str,
        servers: Iterable[Knot] | None = None,
    ) -> None:
        """Remove these values, or all of a type, or all that the name has; safe when absent.

        Raises as `set` does.
        """
        update = self._update()
        if rdtype is None:
            update.delete(name)
        elif values:
            update.delete(name, *(self._rdata(rdtype, value) for value in values))
        else:
            update.delete(name, rdtype)
        self._send(update, servers)

    def records(self, server: Knot | None = None) -> dict[tuple[str, str], frozenset[str]]:
        """Transfer the zone, by default from its first server.

        Returns the values by name and type, as in `{("www", "A"): {"127.0.0.1"}}`: names relative
        to the zone, values as `set` takes them.
        """
        server = server or self.servers[0]
        content = dns.zone.Zone(self.origin)
        request, _ = dns.xfr.make_query(
            content, keyring=server.key.keyring, keyalgorithm=server.key.algorithm
        )
        dns.query.inbound_xfr(
            server.address, content, request, port=server.port, lifetime=_PATIENCE
        )
        return {
            (str(name), dns.rdatatype.to_text(found.rdtype)): frozenset(
                self._text(rdata) for rdata in found
            )
            for name, found in content.iterate_rdatasets()
        }

    def delegate(self, child: "Zone") -> None:
        """Add the referral to a zone below this one: its NS records and their addresses."""
        update = self._update()
        servers = child.servers
        update.replace(
            child.origin, TTL, *(self._rdata("NS", server.hostname) for server in servers)
        )
        for server in servers:
            update.replace(server.hostname, TTL, self._rdata("A", server.address))
        self._send(update, None)

    def _update(self) -> dns.update.UpdateMessage:
        key = self.servers[0].key
        return dns.update.UpdateMessage(
            self.origin, keyring=key.keyring, keyalgorithm=key.algorithm
        )

    def _send(self, update: dns.update.UpdateMessage, servers: Iterable[Knot] | None) -> None:
        for server in self.servers if servers is None else servers:
            who = f"The server of {self.name} at {server.address}"
            try:
                reply = dns.query.tcp(update, server.address, timeout=_PATIENCE, port=server.port)
            except dns.tsig.PeerError as error:
                raise ZoneRefused(
                    f"{who} does not accept the key of the change: {error}"
                ) from error
            if reply.rcode() != dns.rcode.NOERROR:
                raise ZoneRefused(
                    f"{who} answered {dns.rcode.to_text(reply.rcode())} to a change of the zone."
                )
            server.settle()

    def _rdata(self, rdtype: str, value: str) -> dns.rdata.Rdata:
        if rdtype == "TXT":
            raw = value.encode()
            # One character-string holds 255 bytes; readers join them again.
            pieces = [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]
            return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces)
        return dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, value, origin=self.origin, relativize=False
        )

    def _text(self, rdata: dns.rdata.Rdata) -> str:
        if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT):
            return b"".join(rdata.strings).decode()
        return rdata.to_text(origin=self.origin, relativize=False)
