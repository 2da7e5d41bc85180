"""What public DNS says of the addresses that should stand at a name."""

from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from msgspec import Struct

from picdns_core.address.public import is_of_a_cdn
from picdns_core.errors import ProviderUnavailable
from picdns_core.lookup import Lookup, Shown
from picdns_core.model import Addresses


class Standing(Struct, frozen=True, kw_only=True):
    """Whether addresses are in DNS.

    `shown`: they are, perhaps beside others. `absent`: at least one is not, and `there` is what
    stands in its place; one that is not `fresh` may be there meanwhile. `proxied`: a CDN's
    addresses stand there, which tell nothing of what is behind. `unknown`: DNS does not say.
    """

    kind: Literal["shown", "absent", "proxied", "unknown"]
    there: tuple[str, ...] = ()
    fresh: bool = True


UNKNOWN = Standing(kind="unknown")


def standing(lookup: Lookup, name: str, wanted: Addresses) -> Standing:
    """Ask for each family that is wanted; unreachable is not absent."""
    answers: list[tuple[IPv4Address | IPv6Address, Shown]] = []
    try:
        if wanted.ipv4:
            answers.append((wanted.ipv4, lookup.addresses(name, "A")))
        if wanted.ipv6:
            answers.append((wanted.ipv6, lookup.addresses(name, "AAAA")))
    except ProviderUnavailable:
        return UNKNOWN
    missing = [shown for address, shown in answers if address not in shown.addresses]
    there = {address for shown in missing for address in shown.addresses}
    if not answers:
        return UNKNOWN
    if not missing:
        return Standing(kind="shown")
    if any(map(is_of_a_cdn, there)):
        return Standing(kind="proxied")
    return Standing(
        kind="absent",
        there=tuple(sorted(map(str, there))),
        fresh=all(shown.authoritative for shown in missing),
    )
