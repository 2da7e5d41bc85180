"""What is published of this cell's addresses, and what was sent and has not been seen yet."""

import logging
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from msgspec import Struct

from picdns_core.errors import DamagedState
from picdns_core.model import Addresses, Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_KEY = "schedule/addresses.json"
_log = logging.getLogger(__name__)


class Pair(Struct, frozen=True, kw_only=True):
    """An address of each family, in words; None where there is none."""

    ipv4: str | None = None
    ipv6: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no address, as in a damaged file."""
        _ = self.addresses

    @classmethod
    def of(cls, addresses: Addresses) -> Self:
        return cls(
            ipv4=str(addresses.ipv4) if addresses.ipv4 else None,
            ipv6=str(addresses.ipv6) if addresses.ipv6 else None,
        )

    @property
    def addresses(self) -> Addresses:
        return Addresses(
            ipv4=IPv4Address(self.ipv4) if self.ipv4 else None,
            ipv6=IPv6Address(self.ipv6) if self.ipv6 else None,
        )


class Remark(Struct, frozen=True, kw_only=True):
    """What is the matter with the addresses of one family: see `address.Verdict`."""

    kind: str
    text: str
    hint: str


class Repair(Struct, frozen=True, kw_only=True):
    """Our addresses were sent again because `there` stood in their place.

    `changed` tells whether the service then had anything to change.
    """

    at: Moment
    there: tuple[str, ...]
    changed: bool


class Published(Document, frozen=True, kw_only=True):
    """What is published at one domain in one mode.

    `confirmed` was seen there, or the service vouches for it. `sent` is on its way: written
    before the service is asked, `accepted` once it has agreed, gone when it is confirmed.
    `updated_at` is when the service last agreed to anything, `lacking_since` since when no address
    could be found, None where one was at the last look. `shows` is what DNS showed instead at the
    last look: empty where no address was there, None where all was right or DNS did not say.
    """

    mode: str
    domain: str
    confirmed: Pair = Pair()
    confirmed_at: Moment | None = None
    sent: Pair | None = None
    sent_at: Moment | None = None
    accepted: bool = False
    updated_at: Moment | None = None
    looked_at: Moment | None = None
    lacking_since: Moment | None = None
    shows: tuple[str, ...] | None = None
    remarks: tuple[Remark, ...] = ()
    repairs: tuple[Repair, ...] = ()

    @property
    def expected(self) -> Addresses:
        """What should stand in DNS, now or soon."""
        return merged(self.confirmed.addresses, self.sent.addresses if self.sent else Addresses())


class PublishedAddresses:
    """Keeps it, `schedule/addresses.json`; changed only with the lock `address` held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self, mode: str, domain: str) -> Published:
        """Return what is known of this domain; nothing where it was another one, or is damaged."""
        try:
            found = load(self._store, _KEY, Published)
        except DamagedState as error:
            _log.warning(
                "%s The addresses are published anew.",
                error.message,
                extra={"event": "published_damaged"},
            )
            found = None
        if found and (found.mode, found.domain) == (mode, domain):
            return found
        return Published(mode=mode, domain=domain)

    def save(self, published: Published) -> None:
        save(self._store, _KEY, published)


def merged(older: Addresses, newer: Addresses) -> Addresses:
    """Return the newer ones, and the older one of a family that is unknown there."""
    return Addresses(ipv4=newer.ipv4 or older.ipv4, ipv6=newer.ipv6 or older.ipv6)


def age(at: datetime | None, now: datetime) -> timedelta:
    """Return how long ago something was; for ever, where that is unknown or still to come."""
    return now - at if at and at <= now else timedelta.max
