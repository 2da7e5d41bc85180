"""Values to publish; the addresses are of the ranges for documentation (RFC 5737, RFC 3849)."""

from ipaddress import IPv4Address, IPv6Address
from secrets import token_urlsafe

from picdns_core import Addresses, TxtRecord

BOTH = Addresses(ipv4=IPv4Address("192.0.2.1"), ipv6=IPv6Address("2001:db8::1"))
ONLY_IPV4 = Addresses(ipv4=IPv4Address("192.0.2.2"))
ONLY_IPV6 = Addresses(ipv6=IPv6Address("2001:db8::2"))


def answer_for(domain: str) -> TxtRecord:
    """Make a DNS-01 answer that was never there: as long as real ones, 43 characters."""
    return TxtRecord(name=f"_acme-challenge.{domain}", value=token_urlsafe(32))


def neighbours(domain: str, zone: str) -> list[tuple[str, str, str]]:
    """Make records of somebody who has another name in the zone: name, type, value."""
    name = f"{domain.partition('.')[0]}-neighbour.{zone}"
    return [
        (name, "A", "192.0.2.9"),
        (name, "AAAA", "2001:db8::9"),
        (f"_acme-challenge.{name}", "TXT", "neighbour"),
    ]


def guests(domain: str) -> list[tuple[str, str, str]]:
    """Make records that somebody else keeps at the cell's domain and below it."""
    return [
        (domain, "TXT", "v=spf1 -all"),
        (f"_acme-challenge.{domain}", "TXT", "guest"),
        (f"printer.{domain}", "A", "192.0.2.8"),
        (f"printer.{domain}", "AAAA", "2001:db8::8"),
    ]
