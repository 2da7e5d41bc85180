"""The DNS tree: a root, top-level domains and zones, each level served by processes of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dns.name

from .knot import Knot, TransactionKey
from .zone import TTL, Zone

LOCALHOST: Final = "127.0.0.1"


class DnsTree:
    """Zones that refer to each other from the root down, on one port of ever new addresses.

    One process for everything would answer with authority at every level and prove nothing; here
    the root knows nothing of `home.test` but who serves `test`.
    """

    def __init__(self, network: str, port: int, *, parent: Path | None = None) -> None:
        """Prepare a tree on addresses of `network`, as `Loopback.network` gives it."""
        self.port = port
        self.key = TransactionKey.random()
        """The key with which every zone may be changed and transferred."""
        self._addresses = (f"{network}.{number}" for number in range(1, 255))
        self._parent = parent
        self._zones: dict[dns.name.Name, Zone] = {}

    @property
    def zones(self) -> tuple[Zone, ...]:
        """All zones that run, in the order in which they were started."""
        return tuple(self._zones.values())

    def zone(self, name: str, *, servers: int = 1) -> Zone:
        """Return a zone, and start what is missing of it and of the levels above.

        A new zone below a top-level domain has an A record and a wildcard A record, both
        127.0.0.1. `servers` says how many name servers a new zone has; the levels above it have
        one each.

        Raises as `Server.start` does; what was started for the zone is closed then.
        """
        wanted = dns.name.from_text(name)
        if wanted not in self._zones:
            self._grow(
                {level: servers if level == wanted else 1 for level in self._missing(wanted)}
            )
        return self._zones[wanted]

    def close(self) -> None:
        """Stop all servers."""
        for zone in self.zones:
            for server in zone.servers:
                server.ask_to_stop()
        for zone in reversed(self.zones):
            for server in zone.servers:
                server.close()
        self._zones.clear()

    def _missing(self, wanted: dns.name.Name) -> Iterator[dns.name.Name]:
        """Yield the root, the top-level domain and the zone, as far as they are not there."""
        for labels in sorted({1, min(2, len(wanted)), len(wanted)}):
            level = wanted.split(labels)[1]
            if level not in self._zones:
                yield level

    def _grow(self, levels: dict[dns.name.Name, int]) -> None:
        grown: dict[dns.name.Name, tuple[Knot, ...]] = {}
        try:
            for level, count in levels.items():
                grown[level] = self._servers(level, count)
            for server in (server for servers in grown.values() for server in servers):
                server.launch()
            for server in (server for servers in grown.values() for server in servers):
                server.wait_ready()
        except BaseException:
            for server in (server for servers in grown.values() for server in servers):
                server.close()
            raise
        for level, servers in grown.items():
            zone = Zone(servers)
            if level != dns.name.root:
                self._parent_of(level).delegate(zone)
            self._zones[level] = zone

    def _servers(self, level: dns.name.Name, count: int) -> tuple[Knot, ...]:
        zone = level.to_text()
        below = zone.lstrip(".")
        hosts = {f"ns{number}.{below}": next(self._addresses) for number in range(1, count + 1)}
        # Negative answers may be kept for a second only: tests ask before and after a change.
        lines = [f"{zone} {TTL} SOA ns1.{below} hostmaster.{below} 1 900 300 604800 1"]
        for hostname, address in hosts.items():
            lines += [f"{zone} {TTL} NS {hostname}", f"{hostname} {TTL} A {address}"]
        if len(level) > 2:  # noqa: PLR2004 - the root is one label, a top-level domain two
            lines += [f"{zone} {TTL} A {LOCALHOST}", f"*.{zone} {TTL} A {LOCALHOST}"]
        content = "\n".join(lines) + "\n"
        return tuple(
            Knot(
                zone,
                hostname=hostname,
                address=address,
                port=self.port,
                key=self.key,
                content=content,
                parent=self._parent,
            )
            for hostname, address in hosts.items()
        )

    def _parent_of(self, level: dns.name.Name) -> Zone:
        ancestor = level.parent()
        while ancestor not in self._zones:
            ancestor = ancestor.parent()
        return self._zones[ancestor]
