"""Let's Encrypt's rate limits, and what is noted of them."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import Final

from .token_buckets import Limit

_HOUR = dt.timedelta(hours=1)
_WEEK = dt.timedelta(days=7)

ORDERS: Final = Limit(
    "new-orders-per-account", 300, 3 * _HOUR, "too many new orders ({burst}) from this account"
)
FAILURES: Final = Limit(
    "authorization-failures-per-identifier-per-account",
    5,
    _HOUR,
    'too many failed authorizations ({burst}) for "{key}"',
)
DOMAIN: Final = Limit(
    "new-certificates-per-registered-domain",
    50,
    _WEEK,
    'too many certificates ({burst}) already issued for "{key}"',
)
EXACT_SET: Final = Limit(
    "new-certificates-per-exact-set-of-identifiers",
    5,
    _WEEK,
    "too many certificates ({burst}) already issued for this exact set of identifiers",
)


@dataclass(frozen=True)
class Refusal:
    """An order that was refused."""

    limit: Limit
    key: str
    """The registered domain, the identifier or the account that has reached the limit."""
    identifiers: frozenset[str]
    account: str
    at: dt.datetime
    retry_after: int
    detail: str


@dataclass(frozen=True)
class Order:
    """An order that the CA has accepted."""

    account: str
    identifiers: frozenset[str]
    replaces: str | None
    authorizations: frozenset[str]
    finalize: str
    exempt: bool


def last_two_labels(name: str) -> str:
    """Return the registered domain of a name that is below a top-level domain."""
    return ".".join(name.split(".")[-2:])


def network_of(name: str) -> str | None:
    """Return what counts as a registered domain for an address: itself, or its /64 for IPv6."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    prefix = 32 if address.version == 4 else 64  # noqa: PLR2004
    return str(ipaddress.ip_network((address, prefix), strict=False))
