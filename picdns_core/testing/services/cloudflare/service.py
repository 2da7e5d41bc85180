"""The stand-in itself, as a test holds it in hand."""

import datetime as dt
from collections.abc import Iterable

from picdns_core.testing.certificates import ServerCertificate
from picdns_core.testing.services.cloudflare.account import Account
from picdns_core.testing.services.cloudflare.api import PREFIX, Api
from picdns_core.testing.services.cloudflare.envelope import Json
from picdns_core.testing.services.cloudflare.tokens import Permission, Quota
from picdns_core.testing.services.standin import StandIn
from picdns_core.testing.zone import Zone


class Cloudflare(StandIn):
    """Cloudflare's API v4 for the DNS of some zones, in one account on the Free plan.

        cloudflare = net.cloudflare("home.test", "sub.home.test")
        token = cloudflare.token(zones=["home.test"], permissions=["dns edit"])
        cloudflare.add_record("home.test", "A", "www", "127.0.0.5", comment="by hand")

    Its list of records begins empty, whatever the zone has in DNS; what a name gets through the
    API replaces what it had of that type. A name with a proxied record is served with the A
    record 127.0.0.2, which plays Cloudflare's edge. Loopback addresses count as public ones.
    It knows A, AAAA, CNAME, TXT, MX, NS and CAA; a CNAME at the apex of a zone is not flattened.
    """

    def __init__(self, zones: list[Zone], certificate: ServerCertificate) -> None:
        """Listen; each zone is written to where it runs."""
        self._account = Account(zones)
        self.account_id = self._account.id
        self.default_token = self.token()
        """May do everything in all zones."""
        super().__init__(Api(self._account).application, certificate)
        self.api_url = self.url + PREFIX
        """What clients take for https://api.cloudflare.com/client/v4."""

    @property
    def quota(self) -> Quota:
        """How many requests each token has: `requests` in `window` seconds; may be set low."""
        return self._account.quota

    @property
    def propagation(self) -> float:
        """Seconds until DNS follows what the API has confirmed; may be set."""
        return self._account.publisher.delay

    @propagation.setter
    def propagation(self, seconds: float) -> None:
        self._account.publisher.delay = seconds

    def token(
        self,
        *,
        zones: Iterable[str] | None = None,
        permissions: Iterable[Permission] = ("zone read", "dns edit"),
        addresses: Iterable[str] = (),
        expires: dt.datetime | None = None,
        disabled: bool = False,
        account_owned: bool = False,
    ) -> str:
        """Make a token and return its text.

        `zones` are names, None means all. `addresses` are the networks that it may be used from,
        such as `203.0.113.0/24`, none means everywhere; all requests come from 127.0.0.1.
        """
        return self._account.tokens.issue(
            zones, permissions, addresses, expires, disabled=disabled, account_owned=account_owned
        )

    def zone_id(self, zone: str) -> str:
        """Return the id of the zone of this name."""
        return self._account.hosted[zone].id

    def records(self, zone: str) -> list[Json]:
        """Return the zone's records as the API lists them, the oldest first."""
        return list(self._account.hosted[zone].records.values())

    def add_record(
        self,
        zone: str,
        rdtype: str,
        name: str,
        content: str,
        *,
        comment: str | None = None,
        proxied: bool = False,
        ttl: int = 1,
    ) -> str:
        """Make and publish a record as somebody at the dashboard would; returns its id."""
        fields: Json = {"type": rdtype, "name": name, "content": content}
        fields |= {"comment": comment, "proxied": proxied, "ttl": ttl}
        hosted = self._account.hosted[zone]
        created = self._account.change(hosted, lambda change: change.create(fields))
        return str(created["id"])

    def close(self) -> None:
        """Stop; what DNS was still to follow is forgotten. Safe twice."""
        super().close()
        self._account.publisher.close()
