"""What came of looking for the public addresses, and what is said to people about it."""

from ipaddress import IPv4Address, IPv6Address
from typing import Literal, cast

from msgspec import Struct

from picdns_core.model import Addresses

Address = IPv4Address | IPv6Address
Family = Literal["ipv4", "ipv6"]
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
LABELS = {"ipv4": "IPv4", "ipv6": "IPv6"}
FORMS: dict[Family, type[Address]] = {"ipv4": IPv4Address, "ipv6": IPv6Address}


class Verdict(Struct, frozen=True, kw_only=True):
    """What is the matter with the addresses of one family: `text` in words, `hint` what to do.

    `shared`: the provider gives one address to many customers (RFC 6598). `not_public`: the
    address that was given cannot be reached from the internet. `absent`: this host has no such
    address, or no way to that internet. `disagreement`: no two operators see the same address.
    """

    kind: Literal["shared", "not_public", "absent", "disagreement"]
    text: str
    hint: str


class Sighting(Struct, frozen=True, kw_only=True):
    """What is known of one family.

    `address` is None when it is unknown, which is not the same as absent. `said_by` names who
    said so: operators, `settings` or an interface. `doubts` says in words why others did not, or
    said something else.
    """

    address: Address | None = None
    said_by: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    verdict: Verdict | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """What is known of both families."""

    ipv4: Sighting
    ipv6: Sighting

    @property
    def addresses(self) -> Addresses:
        """The addresses that may be published; what is None is to be left as it is."""
        return Addresses(
            ipv4=cast("IPv4Address | None", self.ipv4.address),
            ipv6=cast("IPv6Address | None", self.ipv6.address),
        )

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What has to be said to people."""
        return tuple(one.verdict for one in (self.ipv4, self.ipv6) if one.verdict)


_OTHER_WAYS = {
    "ipv4": "Use IPv6 or a tunnel, or ask your provider for an address of your own.",
    "ipv6": "Use a tunnel, or ask your provider for addresses of your own.",
}


def shared(family: Family) -> Verdict:
    """Say that this host is behind carrier-grade NAT."""
    return Verdict(
        kind="shared",
        text="Your provider shares one address among customers: port forwarding cannot work.",
        hint=_OTHER_WAYS[family],
    )


def not_public(family: Family, address: Address, reason: str) -> Verdict:
    """Say that the address in the settings is none to publish."""
    return Verdict(
        kind="not_public",
        text=f"{address} cannot be reached from the internet: it {reason}. It is not published.",
        hint=f"Set picdns.address.{family} to the public address, or to auto.",
    )


def no_route(family: Family) -> Verdict:
    """Say that nobody was asked, since no packet would get there."""
    return Verdict(
        kind="absent",
        text=f"This host has no way to the {LABELS[family]} internet.",
        hint=f"If it is to have none, set picdns.address.{family} to off.",
    )


def nothing_lasting(interface: str | None) -> Verdict:
    """Say that no interface, or not this one, has an address to publish."""
    where = f"The interface {interface}" if interface else "No interface of this host"
    return Verdict(
        kind="absent",
        text=f"{where} has {'no' if interface else 'a'} lasting public IPv6 address.",
        hint="In a container, set picdns.address.ipv6 to the host's address. If the provider gives "
        "none, set it to off.",
    )


def disagreement(family: Family, addresses: tuple[Address, ...]) -> Verdict:
    """Say that every operator sees another address."""
    return Verdict(
        kind="disagreement",
        text=f"No two operators see the same {LABELS[family]} address of this host: "
        f"{', '.join(map(str, addresses))}.",
        hint="Your provider may share addresses among customers, or a VPN or proxy may be in "
        "between. Port forwarding cannot work then: use IPv6 or a tunnel.",
    )
