"""API tokens: what each may do, and the refusals when it may not."""

import datetime as dt
import ipaddress
import math
import re
import secrets
import string
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from picdns_core.testing.services.cloudflare.envelope import Json, Refused

Permission = Literal["zone read", "dns read", "dns edit"]

CLIENT = "127.0.0.1"
"""Where requests come from: the stand-in listens on the loopback only."""

# A global API key has 37 characters and is malformed as a token, see
# https://github.com/kissgyorgy/cloudflare-dyndns/issues/40
_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{40,})")
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Token:
    """What https://developers.cloudflare.com/fundamentals/api/how-to/ lets one set."""

    zones: frozenset[str] | None
    """The names of the zones it covers; None covers all of the account."""
    permissions: frozenset[Permission]
    addresses: tuple[str, ...] = ()
    """The networks it may be used from; none means all."""
    expires: dt.datetime | None = None
    disabled: bool = False
    account_owned: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    text: str = ""

    @property
    def status(self) -> Literal["active", "disabled", "expired"]:
        """What verifying it tells.

        https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify/
        """
        if self.disabled:
            return "disabled"
        if self.expires and self.expires <= dt.datetime.now(dt.UTC):
            return "expired"
        return "active"

    def covers(self, zone: str) -> bool:
        """Tell whether the zone of this name is among its resources."""
        return self.zones is None or zone in self.zones

    def may(self, *any_of: Permission) -> bool:
        """Tell whether it has one of these permissions; editing includes reading."""
        return not self.permissions.isdisjoint(any_of)

    def allows(self, address: str) -> bool:
        """Tell whether it may be used from there."""
        source = ipaddress.ip_address(address)
        networks = [ipaddress.ip_network(network) for network in self.addresses]
        return not networks or any(source in network for network in networks)

    def verified(self) -> Json:
        """Describe it as the verification does."""
        expiry = {"expires_on": f"{self.expires:%Y-%m-%dT%H:%M:%SZ}"} if self.expires else {}
        return {"id": self.id, "status": self.status, **expiry}


class Tokens:
    """The tokens that were issued, by their text."""

    def __init__(self) -> None:
        """Begin without any."""
        self._issued: dict[str, Token] = {}

    def issue(
        self,
        zones: Iterable[str] | None,
        permissions: Iterable[Permission],
        addresses: Iterable[str],
        expires: dt.datetime | None,
        *,
        disabled: bool,
        account_owned: bool,
    ) -> str:
        """Make a token and return its text."""
        text = "".join(secrets.choice(_ALPHABET) for _ in range(40))
        if account_owned:  # https://github.com/SamNet-dev/dnstm-setup/pull/29
            text = f"cfat_{text}"
        self._issued[text] = Token(
            None if zones is None else frozenset(zones),
            frozenset(permissions),
            tuple(addresses),
            expires,
            disabled,
            account_owned,
            text=text,
        )
        return text

    def of(self, authorization: str | None) -> Token | None:
        """Find the token of an `Authorization` header; None for one that was never issued."""
        if authorization is None:
            # https://github.com/cloudflare/cloudflare-python/issues/2678
            message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers"
            raise Refused(400, 9106, message)
        found = _BEARER.fullmatch(authorization)
        if not found:
            # https://github.com/jeessy2/ddns-go/issues/916
            cause = (6111, "Invalid format for Authorization header")
            raise Refused(400, 6003, "Invalid request headers", cause=cause)
        token = self._issued.get(found[1])
        if token and not token.allows(CLIENT):
            # https://github.com/jeessy2/ddns-go/issues/1341
            raise Refused(403, 9109, f"Cannot use the access token from location: {CLIENT}")
        return token


class Quota:
    """How many requests a token has left in the window of time that runs.

    https://developers.cloudflare.com/fundamentals/api/reference/limits/
    """

    def __init__(self) -> None:
        """Begin with Cloudflare's own limit, and nothing used."""
        self.requests = 1200
        self.window = 300.0
        self._used: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def spend(self, token: Token) -> dict[str, str]:
        """Count a request and return the headers that tell of the limit.

        Raises `Refused` when nothing is left; everything is, until the window ends.
        """
        now = time.monotonic()
        with self._lock:
            begun, used = self._used.get(token.id, (now, 0))
            if now >= begun + self.window:
                begun, used = now, 0
            self._used[token.id] = begun, used + 1
        left = max(self.requests - used - 1, 0)
        wait = math.ceil(begun + self.window - now)
        # The form is https://developers.cloudflare.com/changelog/2025-09-03-rate-limiting-improvement
        headers = {
            "Ratelimit": f'"default";r={left};t={wait}',
            "Ratelimit-Policy": f'"default";q={self.requests};w={self.window:.0f}',
        }
        if used >= self.requests:
            # https://github.com/cloudflare/terraform-provider-cloudflare/issues/5505
            message = "Please wait and consider throttling your request speed"
            raise Refused(429, 971, message, headers={**headers, "Retry-After": str(wait)})
        return headers
