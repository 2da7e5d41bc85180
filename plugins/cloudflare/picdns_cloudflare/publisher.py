"""DNS-01 values as TXT records, each marked as this cell's."""

from picdns_cloudflare.client import Cloudflare, Record, ZoneId
from picdns_cloudflare.zones import Zones
from picdns_core import TxtRecord


class TxtPublisher:
    """Writes values into whichever zone of the token a name is in, and removes its own.

    What it wrote itself is removed without looking for it.
    """

    values_per_name = 20
    """Far more than an order needs; Cloudflare's limit is that of the zone."""

    def __init__(self, cloudflare: Cloudflare, zones: Zones, mark: str) -> None:
        self._cloudflare = cloudflare
        self._zones = zones
        self._mark = mark
        self._written: dict[tuple[ZoneId, TxtRecord], Record] = {}

    def publish(self, record: TxtRecord) -> None:
        """Make the value visible; one that is there already is fine, whoever wrote it."""
        self._zones.within(record.name, lambda zone: self._create(zone, record))

    def withdraw(self, record: TxtRecord) -> None:
        """Remove the value if it is this cell's; one that is not there is fine."""
        self._zones.within(record.name, lambda zone: self._delete(zone, record))

    def _create(self, zone: ZoneId, record: TxtRecord) -> None:
        made = self._cloudflare.create(zone, "TXT", record.name, f'"{record.value}"', self._mark)
        if made:
            self._written[zone, record] = made

    def _delete(self, zone: ZoneId, record: TxtRecord) -> None:
        written = self._written.get((zone, record))
        for one in [written] if written else self._find(zone, record):
            self._cloudflare.delete(zone, one.id)
        self._written.pop((zone, record), None)

    def _find(self, zone: ZoneId, record: TxtRecord) -> list[Record]:
        return [
            one
            for one in self._cloudflare.records(zone, type="TXT", name=record.name)
            if one.comment == self._mark and one.content.strip('"') == record.value
        ]
