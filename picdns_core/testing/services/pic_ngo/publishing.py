"""How what is registered gets into the zone, at once or a while later."""

import threading
from collections.abc import Mapping

from picdns_core.testing.zone import Zone

from .registry import Registration

Records = Mapping[tuple[str, str], frozenset[str]]
"""Values by owner and type."""


def records_of(registration: Registration) -> Records:
    """Say what belongs into the zone for a name."""
    name = registration.name
    found = {
        (owner, rdtype): frozenset([address])
        for field, rdtype in (("ipv4", "A"), ("ipv6", "AAAA"))
        for owner in (name, f"*.{name}")
        if (address := registration.addresses[field])
    }
    if registration.challenges:
        found[f"_acme-challenge.{name}", "TXT"] = frozenset(registration.challenges)
    return found


class Publishing:
    """Writes to the zone; what was written for a name never gives way to something older."""

    def __init__(self, zone: Zone) -> None:
        """Write to this zone."""
        self._zone = zone
        self._lock = threading.Lock()
        self._there: dict[str, Records] = {}
        self._newest: dict[str, int] = {}
        self._count = 0
        self._timers: list[threading.Timer] = []

    def write(self, name: str, wanted: Records, *, after: float) -> None:
        """Make these all the records of a name: before this returns, or `after` seconds later."""
        with self._lock:
            self._count += 1
            if after <= 0:
                self._write(name, wanted, self._count)
                return
            timer = threading.Timer(after, self._write_late, (name, wanted, self._count))
            self._timers = [one for one in self._timers if one.is_alive()]
            self._timers.append(timer)
            timer.start()

    def close(self) -> None:
        """Write nothing any more, and wait for what is being written."""
        with self._lock:
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()
            timer.join()

    def _write_late(self, name: str, wanted: Records, number: int) -> None:
        with self._lock:
            self._write(name, wanted, number)

    def _write(self, name: str, wanted: Records, number: int) -> None:
        if number < self._newest.get(name, 0):
            return
        self._newest[name] = number
        before = self._there.get(name)
        if before is None:  # An earlier stand-in may have left something in the zone.
            for owner in (name, f"*.{name}", f"_acme-challenge.{name}"):
                self._zone.delete(owner)
            before = {}
        for owner, rdtype in before.keys() - wanted.keys():
            self._zone.delete(owner, rdtype)
        for (owner, rdtype), values in wanted.items():
            if values != before.get((owner, rdtype)):
                self._zone.set(owner, rdtype, *sorted(values))
        self._there[name] = wanted
