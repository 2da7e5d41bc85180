"""What is wrong with the addresses that public DNS shows, by what this host knows of itself."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from picdns_core.address.finding import Finding, Sighting, no_route
from picdns_core.outside import compare
from picdns_core.settings import AddressSettings

OURS, OTHER, OURS6, OTHER6 = "198.51.100.7", "198.51.100.66", "2001:db8::7", "2001:db8::66"
CDN = "104.16.1.1"


def found(
    shown: Sequence[str],
    ipv4: str | None = OURS,
    ipv6: str | None = None,
    settings: AddressSettings | None = None,
) -> str:
    """Return what is said; "" where nothing is known to be wrong."""
    finding = Finding(
        ipv4=Sighting(address=ip_address(ipv4)) if ipv4 else Sighting(),
        ipv6=Sighting(address=ip_address(ipv6)) if ipv6 else Sighting(verdict=no_route("ipv6")),
    )
    difference = compare(
        "files.home.test", map(ip_address, shown), finding, settings or AddressSettings()
    )
    return difference.message if difference else ""


@pytest.mark.parametrize(
    ("shown", "ipv4", "ipv6"),
    [
        ([OURS], OURS, None),
        ([OURS], OURS, OURS6),  # IPv6 need not be in DNS
        ([OURS, OURS6], OURS, OURS6),
        ([CDN], OURS, None),  # what is behind it cannot be known
        ([OTHER], None, None),  # our own address is not known
    ],
)
def test_what_is_right_or_not_known_is_no_difference(
    shown: list[str], ipv4: str | None, ipv6: str | None
) -> None:
    """Unknown is not wrong."""
    assert found(shown, ipv4, ipv6) == ""


@pytest.mark.parametrize(
    ("shown", "ipv6", "said"),
    [
        ([OTHER], None, f"{OTHER}, but this host's public IPv4 address is {OURS}."),
        ([OURS, OTHER], None, f"{OTHER} and {OURS}, but"),  # the CA may try either
        ([OURS, OTHER6], OURS6, f"{OTHER6}, but this host's public IPv6 address is {OURS6}."),
        ([OURS, OTHER6], None, f"{OTHER6}, but this host has no IPv6: the AAAA record is dead."),
        ([], None, "Public DNS has no address for files.home.test"),
    ],
)
def test_what_leads_elsewhere_is_said(shown: list[str], ipv6: str | None, said: str) -> None:
    """With both sides, so that it is plain which one is wrong."""
    assert said in found(shown, OURS, ipv6)


def test_a_family_that_is_off_is_one_the_cell_does_not_have() -> None:
    """Whoever sets one to off says that nothing leads here by it."""
    settings = AddressSettings(ipv4="off")
    assert "the A record is dead" in found([OTHER, OURS6], None, OURS6, settings)
