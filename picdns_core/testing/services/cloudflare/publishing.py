"""From the account's records to the zone in DNS, at once or some seconds later."""

import bisect
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from picdns_core.testing.services.cloudflare.envelope import Json
from picdns_core.testing.services.cloudflare.rules import AUTOMATIC
from picdns_core.testing.zone import Zone

EDGE = {
    "A": frozenset({"104.21.16.7", "172.67.128.7"}),
    "AAAA": frozenset({"2606:4700:3030::6815:1007", "2606:4700:3031::ac43:8007"}),
}
"""What is published for a proxied name, whatever its content: Cloudflare's own addresses.

https://developers.cloudflare.com/dns/proxy-status/; of both families, as IPv6 compatibility is on:
https://developers.cloudflare.com/network/ipv6-compatibility/
"""

_AUTOMATIC_TTL = 300  # https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')

Values = dict[str, tuple[int, frozenset[str]]]
"""TTL and values by type, as `Zone.set` takes them."""


@dataclass
class _Due:
    at: float
    zone: Zone
    name: str
    values: Values


class Publisher:
    """Writes to the servers of the zones; a name whose records did not change is not touched."""

    def __init__(self) -> None:
        """Begin with nothing published and nothing due."""
        self.delay = 0.0
        """Seconds between a change and its being served."""
        self._served: dict[tuple[str, str], Values] = {}
        self._due: list[_Due] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def publish(self, zone: Zone, name: str, records: Iterable[Json]) -> None:
        """Serve what a name has now; later, when there is a delay.

        Raises as `Zone.set` does when it is served at once.
        """
        values = _values(records)
        with self._changed:
            due = _Due(time.monotonic() + self.delay, zone, name, values)
            # What was still to come for the name would undo this.
            self._due = [
                one for one in self._due if one.at < due.at or (one.zone, one.name) != (zone, name)
            ]
            if self.delay <= 0:
                self._write(zone, name, values)
                return
            bisect.insort(self._due, due, key=lambda one: one.at)
            if not self._thread:
                self._thread = threading.Thread(target=self._work, name="picdns-cloudflare")
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Forget what is due, and end; safe twice."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread:
            self._thread.join()

    def _work(self) -> None:
        with self._changed:
            while not self._closed:
                wait = self._due[0].at - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                due = self._due.pop(0)
                self._write(due.zone, due.name, due.values)

    def _write(self, zone: Zone, name: str, values: Values) -> None:
        served = self._served.setdefault((zone.name, name), {})
        for kind in set(served) - set(values):
            zone.delete(f"{name}.", kind)
            del served[kind]
        for kind, (ttl, texts) in values.items():
            if served.get(kind) != (ttl, texts):
                zone.set(f"{name}.", kind, *texts, ttl=ttl)
                served[kind] = (ttl, texts)


def _values(records: Iterable[Json]) -> Values:
    found: Values = {}
    for record in records:
        ttl = _AUTOMATIC_TTL if record["ttl"] == AUTOMATIC else record["ttl"]
        for kind, texts in _served_as(record).items():
            known_ttl, known = found.get(kind, (ttl, frozenset()))
            found[kind] = min(ttl, known_ttl), known | texts
    # In DNS an alias stands alone; in the account it need not.
    return {"CNAME": found["CNAME"]} if "CNAME" in found else found


def _served_as(record: Json) -> dict[str, frozenset[str]]:
    kind = record["type"]
    return EDGE if record["proxied"] else {kind: frozenset({_text(kind, record)})}


def _text(kind: str, record: Json) -> str:
    content: str = record["content"]
    if kind == "TXT":
        strings = _STRING.findall(content) if content.startswith('"') else [content]
        return re.sub(r"\\(.)", r"\1", "".join(strings))
    if kind in {"CNAME", "NS"}:
        return f"{content}."
    if kind == "MX":
        return f"{record['priority']} {content}."
    return content
