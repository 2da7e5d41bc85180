"""What `picdns.coredns` may say, and how what it may not is explained."""

from collections.abc import Mapping
from typing import Any

import pytest

from picdns_core import ConfigError, DomainMode, config

MODE = DomainMode(name="http01", title="", description="")
GOOD: dict[str, Any] = {
    "vpn_address": "10.8.0.1",
    "vpn_networks": ["10.8.0.0/24", "fd00:8::/64", "172.20.0.5"],
    "upstreams": ["9.9.9.9"],
}


def parse(**coredns: Any) -> config.Config:
    raw: Mapping[str, Any] = {
        "cell_name": "home",
        "domain_mode": "http01",
        "domain_name": "home.test",
        "services": [{"name": "files", "upstream": "127.0.0.1:1"}],
        "picdns": {"coredns": GOOD | coredns},
    }
    return config.parse(raw, MODE)


@pytest.mark.parametrize(
    "coredns",
    [
        {},
        {"vpn_address": ["10.8.0.1", "fd00:8::1"], "listen": ["127.0.0.1", "::1"]},
        {"upstreams": ["9.9.9.9:53", "2620:fe::fe", "[2620:fe::fe]:53"]},
        {"upstreams": ["tls://9.9.9.9%dns.quad9.net", "tls://1.1.1.1%one.one.one.one:853"]},
        {"reload": "docker:cell-dns", "probe": "dns.test:53", "include": "own/*.conf"},
        {"reload": ["systemctl", "reload", "coredns"], "snippets": ["linked"]},
        {"public_names": ["shop", "www.blog"]},
    ],
)
def test_what_is_meant_is_taken(coredns: dict[str, Any]) -> None:
    """In each form that the reference names."""
    assert parse(**coredns).picdns.coredns is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vpn_address", "10.8.0.1/24"),
        ("vpn_address", ["10.8.0.1", "10.9.0.1"]),
        ("vpn_address", []),
        ("vpn_address", "fe80::1%eth0"),
        ("vpn_networks", []),
        ("vpn_networks", ["10.8.0.1/24"]),
        ("vpn_networks", ["0.0.0.0/0"]),
        ("vpn_networks", ["10.8.0.0/24\n\tallow net *"]),
        ("upstreams", []),
        ("upstreams", ["dns.quad9.net"]),
        ("upstreams", ["tls://9.9.9.9"]),
        ("upstreams", ["tls://9.9.9.9%dns.quad9.net }"]),
        ("upstreams", ["9.9.9.9 {"]),
        ("upstreams", ["9.9.9.9:99999"]),
        ("public_names", ["files"]),
        ("public_names", ["shop.home.test"]),
        ("public_names", ["*"]),
        ("public_names", [""]),
        ("include", "a*/*.conf"),
        ("include", ""),
        ("snippets", ["a b"]),
        ("snippets", ["*"]),
        ("listen", ["localhost"]),
        ("probe", "localhost"),
        ("reload", "systemctl reload coredns"),
        ("reload", "docker:a/../b"),
        ("reload", []),
        ("corefile", ""),
        ("zones", "a\nb"),
        ("port", 0),
    ],
)
def test_what_is_wrong_is_named_with_the_mend(key: str, value: Any) -> None:
    """Nothing can break out of its place in the Corefile."""
    with pytest.raises(ConfigError) as refused:
        parse(**{key: value})
    assert refused.value.key.startswith(f"picdns.coredns.{key}")
    assert refused.value.hint
