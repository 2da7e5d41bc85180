"""The account: its zones and tokens, what they open, and how records change."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import idna
from dns.exception import DNSException

from picdns_core.testing.services.cloudflare.envelope import Json, Refused
from picdns_core.testing.services.cloudflare.publishing import Publisher
from picdns_core.testing.services.cloudflare.table import Change, Records
from picdns_core.testing.services.cloudflare.tokens import Permission, Quota, Token, Tokens
from picdns_core.testing.zone import Zone, ZoneRefused

T = TypeVar("T")

_CREATED = "2024-01-01T00:00:00.000000Z"


@dataclass
class Hosted:
    """A zone as the account holds it."""

    zone: Zone
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    records: Records = field(default_factory=dict)


class Account:
    """One account on the Free plan."""

    def __init__(self, zones: list[Zone]) -> None:
        """Hold these zones, without records and tokens yet."""
        self.id = secrets.token_hex(16)
        self.hosted = {zone.name: Hosted(zone) for zone in zones}
        self.tokens = Tokens()
        self.quota = Quota()
        self.publisher = Publisher()
        self._lock = threading.Lock()

    def zones_of(self, token: Token | None) -> list[Hosted]:
        """Return the zones that a token may list: those among its resources."""
        live = _live(token)
        if not live.may("zone read"):
            # The right to edit records is not enough: https://github.com/traefik/traefik/issues/5965
            # The words are those of https://github.com/troglobit/inadyn/pull/285
            needed = "requires permission 'com.cloudflare.api.account.zone.list' to list zones"
            raise Refused(403, 0, f"Actor 'com.cloudflare.api.token.{live.id}' {needed}")
        return [hosted for name, hosted in self.hosted.items() if live.covers(name)]

    def zone(self, identifier: str, token: Token | None) -> Hosted:
        """Return a zone that a token may look at."""
        live = _live(token)
        for name, hosted in self.hosted.items():
            if hosted.id == identifier and live.covers(name) and live.may("zone read"):
                return hosted
        # https://github.com/octodns/octodns-cloudflare/issues/60
        raise Refused(403, 9109, "Unauthorized to access requested resource")

    def records_of(self, identifier: str, token: Token | None, *any_of: Permission) -> Hosted:
        """Return a zone whose records a token may read or edit."""
        if token and token.status == "active" and token.may(*any_of):
            for name, hosted in self.hosted.items():
                if hosted.id == identifier and token.covers(name):
                    return hosted
        # Unknown tokens, missing permissions and the zones of others are not told apart:
        # https://github.com/cloudflare/terraform-provider-cloudflare/issues/913
        raise Refused(403, 10000, "Authentication error")

    def change(self, hosted: Hosted, what: Callable[[Change], T]) -> T:
        """Change records and publish them, or leave all as it is.

        Raises `Refused`; when a name server did not take the change too, as Cloudflare does when
        something behind its API is broken.
        """
        with self._lock:
            change = Change(hosted.zone.name, hosted.records)
            result = what(change)
            try:
                for name in sorted(change.names):
                    present = [one for one in change.records.values() if one["name"] == name]
                    self.publisher.publish(hosted.zone, name, present)
            except (ZoneRefused, DNSException, OSError) as error:
                raise Refused(500, 10002, "An unknown error has occurred.") from error
            hosted.records = change.records
            return result

    def described(self, hosted: Hosted) -> Json:
        """Describe a zone.

        https://developers.cloudflare.com/api/resources/zones/methods/get/
        """
        return {
            "id": hosted.id,
            # In Unicode, while records' names are in ASCII: cloudflare/cloudflare-docs#1991
            "name": idna.decode(hosted.zone.name),
            "status": "active",
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": [server.hostname.rstrip(".") for server in hosted.zone.servers],
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "created_on": _CREATED,
            "modified_on": _CREATED,
            "activated_on": _CREATED,
            "meta": {"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3},
            "owner": {"id": None, "type": "user", "email": None},
            "account": {"id": self.id, "name": "The account of the test"},
            "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
            "plan": {"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website"},
        }


def _live(token: Token | None) -> Token:
    if not token or token.status != "active":
        # https://github.com/cert-manager/cert-manager/pull/4465
        raise Refused(403, 9109, "Invalid access token")
    return token
