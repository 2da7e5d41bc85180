"""What DNS says, taken before and after a hook was called."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from picdns_core.testing.process import wait_until
from picdns_core.testing.zone import Zone

Picture = frozenset[tuple[str, str, str]]
"""All of a zone but its SOA: name, type and value of each record."""

_PATIENCE = 2.0


def taken(zone: Zone) -> Picture:
    """Transfer the zone."""
    return frozenset(
        (name, rdtype, value)
        for (name, rdtype), values in zone.records().items()
        for value in values
        if rdtype != "SOA"
    )


def shown(records: Picture) -> str:
    """Write records as in a zone file, for a message."""
    return ", ".join(" ".join(record) for record in sorted(records)) or "nothing"


@contextmanager
def restored(zone: Zone) -> Iterator[None]:
    """Put the zone back as it was, so that one failure does not make the next."""
    before = taken(zone)
    try:
        yield
    finally:
        for name, rdtype in {(name, rdtype) for name, rdtype, _ in taken(zone) ^ before}:
            values = [value for *key, value in before if key == [name, rdtype]]
            zone.set(name, rdtype, *values) if values else zone.delete(name, rdtype)


def answer(zone: Zone, name: str, rdtype: str) -> frozenset[str]:
    """Ask the zone's name server, as a CA's resolver would; an absolute name, no final dot."""
    server = zone.servers[0]
    query = dns.message.make_query(name, rdtype)
    reply = dns.query.tcp(query, server.address, timeout=_PATIENCE, port=server.port)
    wanted = dns.rdatatype.from_text(rdtype)
    return frozenset(
        b"".join(rdata.strings).decode()
        if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT)
        else rdata.to_text()
        for found in reply.answer
        if found.rdtype == wanted
        for rdata in found
    )


def answers_with(
    zone: Zone, name: str, rdtype: str, *, there: Iterable[str] = (), gone: Iterable[str] = ()
) -> bool:
    """Wait a little until all of `there` are answered and none of `gone` is."""

    def settled() -> bool:
        values = answer(zone, name, rdtype)
        return values.issuperset(there) and values.isdisjoint(gone)

    return wait_until(settled, _PATIENCE)


def answers_exactly(zone: Zone, name: str, rdtype: str, values: set[str]) -> bool:
    """Wait a little until nothing else is answered."""
    return wait_until(lambda: answer(zone, name, rdtype) == values, _PATIENCE)


def keeps(zone: Zone, expected: Picture) -> bool:
    """Wait a little until the zone has all that is expected, whatever else it has."""
    return wait_until(lambda: taken(zone) >= expected, _PATIENCE)


def becomes(zone: Zone, expected: Picture) -> bool:
    """Wait a little until the zone is as expected."""
    return wait_until(lambda: taken(zone) == expected, _PATIENCE)
