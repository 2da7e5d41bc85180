"""A and AAAA at the cell's names, beside whatever else is there."""

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address

from picdns_cloudflare.client import Cloudflare, Record, ZoneId
from picdns_cloudflare.ownership import is_marked
from picdns_core import Addresses, ProviderError

Address = IPv4Address | IPv6Address
Change = Callable[[], object]


class AddressRecords:
    """The address records of one cell in one zone; `mark` is the comment of its own."""

    def __init__(self, cloudflare: Cloudflare, zone: ZoneId, mark: str) -> None:
        self._cloudflare = cloudflare
        self._zone = zone
        self._mark = mark

    def publish(self, domain: str, addresses: Addresses) -> bool:
        """Let the domain and all names below it lead to the addresses; False if they do.

        All is looked at before anything is changed. Raises ProviderError where it would be a
        guess which record is this cell's.
        """
        wanted = {"A": addresses.ipv4, "AAAA": addresses.ipv6}
        changes = [
            change
            for name in (domain, f"*.{domain}")
            for change in self._changes(name, wanted, alias_of=domain)
        ]
        for change in changes:
            change()
        return bool(changes)

    def _changes(
        self, name: str, wanted: dict[str, Address | None], *, alias_of: str
    ) -> Iterator[Change]:
        there = self._cloudflare.records(self._zone, name=name)
        alias = next((record for record in there if record.type == "CNAME"), None)
        if alias and name != alias_of and alias.content == alias_of:
            return  # it follows the records at the domain by itself
        if alias:
            raise ProviderError(
                f"{name} is a CNAME to {alias.content}, so it can have no address. Nothing was "
                "changed.",
                hint="At Cloudflare, delete the CNAME; picdns then creates what is needed.",
            )
        for record_type, address in wanted.items():
            if address:
                found = [record for record in there if record.type == record_type]
                yield from self._changes_of_type(record_type, name, address, found)

    def _changes_of_type(
        self, record_type: str, name: str, address: Address, found: list[Record]
    ) -> Iterator[Change]:
        own = [record for record in found if record.comment == self._mark]
        right = [record for record in found if ip_address(record.content) == address]
        content = str(address)
        change = partial(self._cloudflare.change, self._zone)
        if right:
            outdated = [record for record in own if record not in right]
            if right[0] not in own and is_marked(right[0].comment):
                # The other cell would remove it, and a second one of this address cannot be.
                yield partial(change, right[0], comment=self._mark)
        elif own:
            first, *outdated = own
            yield partial(change, first, content=content)
        elif all(is_marked(record.comment) for record in found):
            outdated = []
            create = self._cloudflare.create
            yield partial(create, self._zone, record_type, name, content, self._mark)
        elif len(found) == 1:
            outdated = []
            yield partial(change, found[0], content=content)
        else:
            raise ProviderError(
                f"{name} has {len(found)} records of the type {record_type}, and none is marked "
                "as this cell's. Nothing was changed.",
                hint=f"At Cloudflare, set the comment of the one that is this cell's to "
                f"`{self._mark}`, or delete all but one.",
            )
        for record in outdated:
            yield partial(self._cloudflare.delete, self._zone, record.id)
