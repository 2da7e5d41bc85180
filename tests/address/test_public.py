"""Which addresses may be published."""

from ipaddress import ip_address

import pytest

from picdns_core import ConfigError
from picdns_core.address.public import Public, is_of_a_cdn

PUBLIC = ("8.8.8.8", "84.150.1.2", "100.63.255.255", "100.128.0.1", "2a02:8071::1", "2600:db8::1")
DENIED = {
    "100.64.0.1": "is shared among a provider's customers (RFC 6598)",
    "192.168.1.2": "is private",
    "10.0.0.1": "is private",
    "172.16.0.1": "is private",
    "fd00::2": "is private",
    "192.0.0.8": "is reserved for protocols (RFC 6890)",
    "2001::1": "is reserved for protocols (RFC 6890)",
    "192.0.2.1": "is for documentation",
    "198.51.100.1": "is for documentation",
    "203.0.113.1": "is for documentation",
    "2001:db8::1": "is for documentation",
    "3fff::1": "is for documentation",
    "192.88.99.1": "is for the transition to IPv6",
    "2002:808:808::1": "is for the transition to IPv6",
    "64:ff9b::808:808": "is for the transition to IPv6",
    "64:ff9b:1::1": "is for the transition to IPv6",
    "::ffff:8.8.8.8": "is for the transition to IPv6",
    "104.27.1.1": "belongs to Cloudflare's network",
    "2a06:98c7::1": "belongs to Cloudflare's network",
    "151.101.1.1": "belongs to Fastly's network",
    "2a04:4e42::1": "belongs to Fastly's network",
    "127.0.0.1": "is no public address",
    "169.254.1.1": "is no public address",
    "198.18.0.1": "is no public address",
    "224.0.0.1": "is no public address",
    "240.0.0.1": "is no public address",
    "0.0.0.0": "is no public address",
    "255.255.255.255": "is no public address",
    "::": "is no public address",
    "::1": "is no public address",
    "fe80::1": "is no public address",
    "fec0::1": "is no public address",
    "ff0e::1": "is no public address",
    "5f00::1": "is no public address",
    "4000::1": "is no public address",
}


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_admitted(text: str) -> None:
    """Those beside a denied network too."""
    assert Public().denial(ip_address(text)) is None


@pytest.mark.parametrize(("text", "reason"), DENIED.items())
def test_others_are_denied_with_a_reason(text: str, reason: str) -> None:
    """Python 3.11 takes many of them for global."""
    denial = Public().denial(ip_address(text))
    assert denial
    assert denial.reason == reason
    assert denial.kind == ("shared" if text.startswith("100.64.") else "other")


def test_networks_can_be_admitted() -> None:
    """As in tests, whatever they are."""
    public = Public(["127.0.0.0/8", "100.64.0.0/10", "::1/128"])
    admitted = ("127.0.0.1", "100.64.0.1", "::1")
    assert [public.denial(ip_address(text)) for text in admitted] == [None, None, None]
    assert public.denial(ip_address("192.0.2.1"))


@pytest.mark.parametrize("text", ["192.0.2.1/24", "home", "", "192.0.2.0/33"])
def test_a_network_that_is_none_is_told(text: str) -> None:
    """With the key."""
    with pytest.raises(ConfigError) as caught:
        Public([text])
    assert caught.value.key == "picdns.address.also_global"


@pytest.mark.parametrize("text", ["104.21.16.7", "2606:4700:3030::6815:1007", "151.101.1.6"])
def test_addresses_before_other_peoples_servers_are_known(text: str) -> None:
    """A name that shows one of them does not show where it leads."""
    assert is_of_a_cdn(ip_address(text))


@pytest.mark.parametrize("text", ["203.0.113.7", "10.0.0.1", "100.64.0.1", "2001:db8::7"])
def test_reserved_addresses_are_of_no_cdn(text: str) -> None:
    """They are denied for other reasons."""
    assert not is_of_a_cdn(ip_address(text))
