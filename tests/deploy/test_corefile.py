"""The Corefile as text; what it does is tested with the real CoreDNS."""

from typing import Any

import msgspec
import pytest

from picdns_core import ConfigError
from picdns_core.deploy import corefile
from picdns_core.settings import CoreDnsSettings


def render(zone_file: str = "/zones/cell.zone", include: str | None = None, **changes: Any) -> str:
    given = {"vpn_address": "10.8.0.1", "vpn_networks": ["10.8.0.0/24"], "upstreams": ["9.9.9.9"]}
    settings = msgspec.convert(given | changes, CoreDnsSettings)
    zones = {"home.test": "/zones/home.test.zone", "cell": zone_file}
    return corefile.render(["home.test"], zones, settings, include)


def test_every_block_but_the_one_for_serials_lets_in_only_the_vpn() -> None:
    """One for challenges, one for public names, one for each zone, one for all else."""
    text = render(public_names=["shop"])
    assert text == render(public_names=["shop"])
    blocks = text.split("\n}\n")[:-1]
    assert len(blocks) == 6
    assert sum("allow net 10.8.0.0/24\n\t\tblock" in block for block in blocks) == 5
    assert "shop.home.test:53 {" in text
    assert text.startswith(corefile.MARK)


@pytest.mark.parametrize(
    ("upstreams", "expected"),
    [
        (["9.9.9.9", "[2620:fe::fe]:53"], "forward . 9.9.9.9 [2620:fe::fe]:53\n"),
        (
            ["tls://9.9.9.9%dns.quad9.net", "tls://149.112.112.112%dns.quad9.net:853"],
            "forward . tls://9.9.9.9 tls://149.112.112.112:853 {\n\t\ttls_servername dns.quad9.net",
        ),
        (
            ["tls://9.9.9.9%dns.quad9.net", "tls://1.1.1.1%one.one.one.one"],
            "forward . tls://9.9.9.9%dns.quad9.net tls://1.1.1.1%one.one.one.one\n",
        ),
    ],
)
def test_upstreams_over_tls_are_known_by_their_name(upstreams: list[str], expected: str) -> None:
    """In the way that older releases of CoreDNS know, where one name is enough."""
    assert expected in render(upstreams=upstreams)


def test_own_blocks_come_first_and_snippets_before_our_acl() -> None:
    """So that a snippet is defined where it is used, and can let somebody in."""
    text = render(include="/own/*.conf", snippets=["linked"])
    assert text.index("import /own/*.conf") < text.index("view serial")
    assert text.count("import linked\n\tacl {") == 4


@pytest.mark.parametrize("path", ['/a"b', "/a{$HOME}", "/a\\b", "/a\nb", "/a`b"])
def test_path_that_would_break_out_is_refused(path: str) -> None:
    """Rather than quoted in a way that some release reads otherwise."""
    with pytest.raises(ConfigError, match="cannot stand in a Corefile"):
        render(zone_file=path)


def test_path_with_a_space_is_quoted() -> None:
    """As one word."""
    assert 'file "/my zones/cell.zone" cell {' in render(zone_file="/my zones/cell.zone")
