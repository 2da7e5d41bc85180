"""What the network around the host does: NAT, port 53, proxies."""

import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from picdns_core.address import host
from picdns_core.doctor import router
from tests.doctor.conftest import Found, ill
from tests.tracing.conftest import Way


@pytest.fixture
def nat_pmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A router that says which address it has outside, as RFC 6886 has it; the host is behind."""
    said: list[str] = []
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            asked, who = listening.recvfrom(64)
            if asked == b"stop":
                return
            if said:
                address = socket.inet_aton(said[0])
                listening.sendto(b"\x00\x80\x00\x00\x00\x00\x00\x07" + address, who)

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setattr(router, "gateway", lambda: "127.0.0.1")
    monkeypatch.setattr(router, "PORT", listening.getsockname()[1])
    monkeypatch.setattr(router, "_PATIENCE", 0.1)
    monkeypatch.setattr(host, "leaving_address", lambda _: IPv4Address("192.168.1.7"))
    yield said
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"stop", listening.getsockname())
    thread.join()
    listening.close()


@pytest.mark.parametrize(
    ("fault", "outer", "words"),
    [
        ("double NAT", "192.168.0.2", "another router stands before yours"),
        ("carrier-grade NAT, by router", "100.64.9.9", "your provider shares one address"),
    ],
)
def test_nat_beyond_the_router(
    up: Way, nat_pmp: list[str], found: Found, fault: str, outer: str, words: str
) -> None:
    """The router's own address outside is not the one that the internet sees."""
    nat_pmp.append(outer)
    one = found(up.runner, fault, "nat")
    assert words in one.finding
    assert outer in one.evidence


@pytest.mark.parametrize("said", [[], ["127.0.0.1"], ["0.0.0.0"]])
def test_a_router_that_is_well_or_says_nothing(
    up: Way, nat_pmp: list[str], said: list[str]
) -> None:
    """No finding, and not waited for."""
    nat_pmp += said
    assert ill(up.runner) == []


def test_carrier_grade_nat_seen_from_outside(up: Way, found: Found) -> None:
    up.echoes.see(ipv4="100.64.3.4")
    one = found(up.runner, "carrier-grade NAT", "address")
    assert "port forwarding cannot work" in one.finding


def test_port_53_that_is_intercepted(up: Way, found: Found) -> None:
    """A resolver answers in the place of the roots."""
    resolver = up.cell.net.unbound.resolver.rpartition(":")[0]
    up.cell.set(picdns={"dns": {"roots": [resolver]}})
    one = found(up.runner, "port 53 intercepted", "port-53")
    assert "intercepted by this network" in one.finding


def test_port_53_that_is_blocked(up: Way, found: Found) -> None:
    up.cell.set(picdns={"dns": {"roots": ["127.0.0.250"]}})
    one = found(up.runner, "port 53 blocked", "port-53")
    assert "blocked by this network" in one.finding


def test_a_proxy_in_front(up: Way, found: Found) -> None:
    """Nobody knocks there: the CDN would answer."""
    up.zone.set("*", "A", "104.21.16.7")
    one = found(up.runner, "Cloudflare's orange cloud", "proxy")
    assert "orange cloud" in one.mend
    assert [one.name for one in ill(up.runner)] == ["proxy"]
