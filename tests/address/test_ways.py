"""Addresses that nobody is asked for: given, of an interface, or none."""

import json
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from picdns_core import Addresses, ConfigError
from picdns_core.address import host
from picdns_core.testing import Echoes
from tests.address.conftest import OLD, SEEN6, Looking

# As Linux prints it: address, index, prefix, scope, flags, name.
TABLE = """\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fd000000000000000000000000000002 04 40 00 80     eth0
20010db8000000000000000000000007 04 40 00 00     eth0
20010db8000000000000000000000006 04 40 00 01     eth0
20010db8000000000000000000000005 04 40 00 20     eth0
20010db8000000000000000000000004 04 40 00 40     eth0
20010db8000000000000000000000003 04 40 00 c8     eth0
20010db8000000000000000000000008 05 40 00 80    wlan0
"""

# Runs in a network namespace of its own, where anybody may do what root does.
NAMESPACE = """\
ip link set lo up
{setup}
exec {python} - <<'END'
import json, threading
from picdns_core import Addresses
from picdns_core.address import AddressFinder
from picdns_core.settings import AddressSettings, AddressSource

sources = tuple(
    AddressSource(operator=url, url=f"https://{{url}}:1/")
    for url in ("198.51.100.1", "198.51.100.2", "[2600:db8::53]", "[2600:db8::54]")
)
steps = []
finder = AddressFinder(
    AddressSettings(sources=sources, {settings}),
    cancel=threading.Event(), progress=steps.append, patience=0.1,
)
finding = finder.find(Addresses())
print(json.dumps({{
    "ipv6": str(finding.ipv6.address),
    "said_by": finding.ipv6.said_by,
    "verdicts": [verdict.kind for verdict in finding.verdicts],
    "asked": [step.text for step in steps],
}}))
END
"""


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the kernel says of the interfaces."""
    file = tmp_path / "if_inet6"
    file.write_text(TABLE)
    monkeypatch.setattr(host, "INTERFACES", file)
    return file


def in_namespace(setup: str, settings: str) -> Any:
    unshare = [shutil.which("unshare") or "unshare", "-Urn"]
    if subprocess.run([*unshare, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a network namespace, or has no iproute2")
    script = NAMESPACE.format(setup=setup, settings=settings, python=sys.executable)
    done = subprocess.run(
        [*unshare, "sh", "-e"], input=script, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def test_a_given_address_is_taken_at_its_word(looking: Looking, echoes: Echoes) -> None:
    """Nobody is asked."""
    finding = looking.find(OLD, ipv4="84.150.1.2", ipv6="2600:db8::2")
    assert finding.addresses == Addresses(
        ipv4=IPv4Address("84.150.1.2"), ipv6=IPv6Address("2600:db8::2")
    )
    assert finding.ipv4.said_by == finding.ipv6.said_by == ("settings",)
    assert echoes.asked == []


def test_a_family_that_is_off_is_not_looked_for(looking: Looking, echoes: Echoes) -> None:
    """Nor judged."""
    finding = looking.find(OLD, ipv4="off")
    assert finding.addresses == Addresses(ipv6=SEEN6)
    assert finding.verdicts == ()
    assert not [asked for asked in echoes.asked if asked.startswith("ipv4")]


def test_a_given_address_of_a_provider_is_told(looking: Looking) -> None:
    """Port forwarding cannot work."""
    finding = looking.find(OLD, ipv4="100.100.1.2")
    assert finding.addresses == Addresses(ipv6=SEEN6)
    assert [verdict.kind for verdict in finding.verdicts] == ["shared"]


@pytest.mark.parametrize(
    ("key", "given", "reason"),
    [("ipv4", "192.168.1.2", "is private"), ("ipv6", "2002::1", "is for the transition to IPv6")],
)
def test_a_given_address_that_is_not_public_is_told(
    looking: Looking, key: str, given: str, reason: str
) -> None:
    """And not published."""
    finding = looking.find(OLD, **{key: given})
    assert getattr(finding.addresses, key) is None
    [verdict] = finding.verdicts
    assert verdict.text == (
        f"{given} cannot be reached from the internet: it {reason}. It is not published."
    )
    assert verdict.hint == f"Set picdns.address.{key} to the public address, or to auto."


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("ipv4", "none"),
        ("ipv4", "interface"),
        ("ipv4", "2001:db8::7"),
        ("ipv6", "192.0.2.7"),
        ("ipv6", "interface:"),
        ("ipv6", "interface:no/such"),
    ],
)
def test_a_setting_that_means_nothing_is_told(looking: Looking, key: str, given: Any) -> None:
    """When the finder is made."""
    with pytest.raises(ConfigError) as caught:
        looking.finder(**{key: given})
    assert caught.value.key == f"picdns.address.{key}"


@pytest.mark.usefixtures("table")
def test_an_interface_gives_its_lasting_address(looking: Looking, echoes: Echoes) -> None:
    """Not a temporary, deprecated, tentative, failed or private one."""
    finding = looking.find(ipv4="off", ipv6="interface:eth0")
    assert finding.addresses == Addresses(ipv6=SEEN6)
    assert finding.ipv6.said_by == ("eth0",)
    assert echoes.asked == []


@pytest.mark.usefixtures("table")
def test_the_published_address_of_an_interface_stays_while_it_lasts(looking: Looking) -> None:
    """Of several the first is chosen when none of them is published."""
    found = [
        looking.find(known, ipv4="off", ipv6="interface").addresses.ipv6
        for known in (Addresses(), Addresses(ipv6=IPv6Address("2001:db8::8")), OLD)
    ]
    assert found == [SEEN6, IPv6Address("2001:db8::8"), SEEN6]


def test_an_interface_without_a_lasting_address_is_told(looking: Looking, table: Path) -> None:
    """Also where the kernel knows no IPv6 at all."""
    texts = [looking.find(ipv6="interface:wlan7").ipv6.verdict]
    table.unlink()
    texts.append(looking.find(ipv6="interface").ipv6.verdict)
    assert [verdict.text for verdict in texts if verdict] == [
        "The interface wlan7 has no lasting public IPv6 address.",
        "No interface of this host has a lasting public IPv6 address.",
    ]


def test_the_kernel_is_understood() -> None:
    """A real table, with a deprecated address in it."""
    setup = (
        "ip -6 addr add 2600:db8::1/64 dev lo preferred_lft 0 nodad\n"
        "ip -6 addr add 2600:db8::2/64 dev lo nodad"
    )
    found = in_namespace(setup, 'ipv4="off", ipv6="interface"')
    assert found == {"ipv6": "2600:db8::2", "said_by": ["lo"], "verdicts": [], "asked": []}


def test_a_host_behind_its_provider_is_told() -> None:
    """The address at its interface is one that the provider shares."""
    setup = "ip addr add 100.64.1.2/10 dev lo\nip route add default dev lo src 100.64.1.2"
    assert in_namespace(setup, 'ipv6="off"')["verdicts"] == ["shared"]


def test_a_host_without_ipv6_asks_nobody() -> None:
    """It is no error, and the verdict says so."""
    found = in_namespace("", 'ipv4="off"')
    assert found == {"ipv6": "None", "said_by": [], "verdicts": ["absent"], "asked": []}
