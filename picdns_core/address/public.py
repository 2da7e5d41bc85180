"""Which addresses can be reached from the internet, and why others cannot.

Python's `is_global` is not enough: up to 3.11 it holds for 6to4, IPv4-mapped, the protocol
assignments of 192.0.0.0/24 and all that is reserved in IPv6, and it holds for networks whose
addresses belong to nobody's home.
"""

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from msgspec import Struct

from picdns_core.address.finding import Address
from picdns_core.errors import ConfigError

Network = IPv4Network | IPv6Network


class Denial(Struct, frozen=True):
    """Why an address is none to publish; `reason` goes after the word "it"."""

    kind: Literal["shared", "other"]
    reason: str


_RESERVED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("is private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("is reserved for protocols (RFC 6890)", ("192.0.0.0/24", "2001::/23")),
    ("is for documentation", ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),
    ("is for documentation", ("2001:db8::/32", "3fff::/20")),  # the latter by RFC 9637
    ("is for the transition to IPv6", ("192.88.99.0/24", "2002::/16", "64:ff9b::/96")),
    ("is for the transition to IPv6", ("64:ff9b:1::/48", "::ffff:0:0/96")),
)

_CDNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # https://www.cloudflare.com/ips-v4 and ips-v6
    (
        "belongs to Cloudflare's network",
        (
            *("103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13"),
            *("104.24.0.0/14", "108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18"),
            *("162.158.0.0/15", "172.64.0.0/13", "173.245.48.0/20", "188.114.96.0/20"),
            *("190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17"),
            *("2400:cb00::/32", "2405:8100::/32", "2405:b500::/32", "2606:4700::/32"),
            *("2803:f800::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
        ),
    ),
    # https://api.fastly.com/public-ip-list
    (
        "belongs to Fastly's network",
        (
            *("23.235.32.0/20", "43.249.72.0/22", "103.244.50.0/24", "103.245.222.0/23"),
            *("103.245.224.0/24", "104.156.80.0/20", "140.248.64.0/18", "140.248.128.0/17"),
            *("146.75.0.0/17", "151.101.0.0/16", "157.52.64.0/18", "167.82.0.0/17"),
            *("167.82.128.0/20", "167.82.160.0/20", "167.82.224.0/20", "172.111.64.0/18"),
            *("185.31.16.0/22", "199.27.72.0/21", "199.232.0.0/16"),
            *("2a04:4e40::/32", "2a04:4e42::/32"),
        ),
    ),
)

_SHARED = ip_network("100.64.0.0/10")
_UNICAST = ip_network("2000::/3")  # all that is handed out in IPv6 (RFC 4291, section 2.4)


def is_shared(address: Address) -> bool:
    """Tell whether a provider gives it to customers behind its own NAT (RFC 6598)."""
    return address in _SHARED


def is_of_a_cdn(address: Address) -> bool:
    """Tell whether it is of a network that stands before other people's servers."""
    return any(address in network for _, networks in _networks(_CDNS) for network in networks)


class Public:
    """Judges addresses; `also_global` names networks that are admitted whatever they are."""

    def __init__(self, also_global: Iterable[str] = ()) -> None:
        self._admitted = tuple(_network(text) for text in also_global)
        self._denied = _networks((*_RESERVED, *_CDNS))

    def denial(self, address: Address) -> Denial | None:
        """Say why an address is none to publish; None when it is one."""
        if any(address in network for network in self._admitted):
            return None
        if is_shared(address):
            return Denial("shared", "is shared among a provider's customers (RFC 6598)")
        for reason, networks in self._denied:
            if any(address in network for network in networks):
                return Denial("other", reason)
        ordinary = address.version == 4 or address in _UNICAST  # noqa: PLR2004
        if not ordinary or not address.is_global or address.is_multicast:
            return Denial("other", "is no public address")
        return None


@cache
def _networks(
    told: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, tuple[Network, ...]], ...]:
    return tuple((reason, tuple(map(ip_network, networks))) for reason, networks in told)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ConfigError(
            "picdns.address.also_global",
            f"{text} is not a network.",
            hint="Give it as 192.0.2.0/24.",
        ) from None
