"""What the real CoreDNS answers to whom, as another user and under another path."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from picdns_core import Cell, CoreDnsDown, DeployFailed, FileStore, Service, Step
from picdns_core.deploy import resolve
from picdns_core.deploy.coredns import SplitHorizon
from picdns_core.settings import CoreDnsSettings
from picdns_core.testing import CoreDns, LocalInternet

ADDRESS, OUTSIDE = "10.8.0.1", "127.66.0.9"
MODES = {
    "lan": "home.cell",
    "http01": "home.test",
    "pic_ngo": "home.pic.ngo",
    "cloudflare": "home.example.test",
    "duckdns": "home.duckdns.org",
}


class Inside:
    """A CoreDNS, and the split horizon that tells it what to answer."""

    def __init__(self, root: Path, net: LocalInternet, server: CoreDns, **settings: Any) -> None:
        self.root, self.net, self.server = root, net, server
        self.steps: list[Step] = []
        self.store = FileStore(root)
        self.settings: dict[str, Any] = {
            "vpn_address": [ADDRESS, "fd00:8::1"],
            "vpn_networks": ["127.0.0.0/16", "::1/128"],
            "upstreams": [net.unbound.resolver],
            "paths": {str(root / "config"): str(root / "theirs")},
            "listen": ["127.0.0.1", "::1"],
            "port": server.port,
            "probe": server.probe,
            **settings,
        }
        self.reload: Callable[[], None] = server.reload

    def horizon(self, **settings: Any) -> SplitHorizon:
        self.settings |= settings
        converted = msgspec.convert(self.settings, CoreDnsSettings)
        return SplitHorizon(self.root, self.store, converted, self.reload, self.steps.append)

    def ask(
        self, name: str, rdtype: str = "A", *, source: str = "127.0.0.1", tcp: bool = False
    ) -> dns.message.Message:
        query = dns.message.make_query(name, rdtype)
        where = "::1" if ":" in source else "127.0.0.1"
        over = dns.query.tcp if tcp else dns.query.udp
        return over(query, where, 5, self.server.port, source)

    def values(self, name: str, rdtype: str = "A", **how: Any) -> list[str]:
        reply = self.ask(name, rdtype, **how)
        return sorted(str(item) for rrset in reply.answer for item in rrset)

    def serial(self, zone: str) -> int:
        return int(self.values(zone, "SOA")[0].split()[2])

    def files(self) -> dict[str, str]:
        folder = self.root / "config/coredns"
        return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def cell(mode: str = "http01", services: Sequence[str] = ("files",)) -> Cell:
    known = tuple(Service(name=name, upstream="127.0.0.1:1") for name in services)
    return Cell(name="home", mode=mode, domain=MODES[mode], services=known)


@pytest.fixture
def inside(local_internet: LocalInternet) -> Iterator[Inside]:
    """A CoreDNS that runs, as another user where that can be, and answers nobody yet."""
    root = Path(tempfile.mkdtemp(prefix="cell-", dir=local_internet.home))
    root.chmod(0o755)
    (root / "config/coredns").mkdir(parents=True)
    (root / "theirs").symlink_to("config")
    user = 65534 if os.geteuid() == 0 else None
    corefile = root / "theirs/coredns/Corefile"
    server = CoreDns(corefile, port=local_internet.port(), user=user, parent=local_internet.home)
    with server:
        corefile.unlink()
        yield Inside(root, local_internet, server)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_answers_inside(inside: Inside, mode: str) -> None:
    """The domain and all below it have the VPN address; `.cell` has the services, no others."""
    domain = MODES[mode]
    horizon, cells = inside.horizon(), [cell(mode)]
    assert not horizon.is_live(cells)
    horizon.go_live(cells)
    assert horizon.is_live(cells)
    for name in (domain, f"files.{domain}", f"a.b.{domain}", "files.cell"):
        for how in ({}, {"tcp": True}, {"source": "::1"}, {"source": "127.0.7.7"}):
            reply = inside.ask(name, **how)
            assert reply.flags & dns.flags.AA
            assert [str(item) for rrset in reply.answer for item in rrset] == [ADDRESS]
        assert inside.values(name, "AAAA") == ["fd00:8::1"]
        nothing = inside.ask(name, "MX")
        assert nothing.rcode() == dns.rcode.NOERROR
        assert [one.rdtype for one in nothing.authority] == [dns.rdatatype.SOA]
    assert inside.ask("photos.cell").rcode() == dns.rcode.NXDOMAIN
    assert horizon.ask("photos.cell", "A").rcode == "NXDOMAIN"


def test_clients_from_elsewhere_are_refused_everything(inside: Inside) -> None:
    """All they can learn is the serial, by which our own probe sees that the files are in use."""
    inside.net.zone("www.test").set("@", "A", "192.0.2.7")
    inside.horizon().go_live([cell()])
    for name in ("home.test", "files.home.test", "files.cell", "photos.cell", "www.test"):
        for tcp in (False, True):
            assert inside.ask(name, source=OUTSIDE, tcp=tcp).rcode() == dns.rcode.REFUSED
    challenge = inside.ask("_acme-challenge.home.test", "TXT", source=OUTSIDE)
    assert challenge.rcode() == dns.rcode.REFUSED
    assert inside.ask("files.cell", "SOA", source=OUTSIDE).rcode() == dns.rcode.REFUSED
    assert inside.ask("cell", "SOA", source=OUTSIDE).rcode() == dns.rcode.NOERROR


def test_all_else_challenges_and_public_names_are_asked_upstream(inside: Inside) -> None:
    """So a check of a challenge that is made inside does not lie."""
    zone = inside.net.zone("home.test")
    public = {
        ("_acme-challenge", "TXT"): "value",
        ("_acme-challenge.files", "TXT"): "other",
        ("shop", "A"): "192.0.2.80",
    }
    inside.net.zone("www.test").set("@", "A", "192.0.2.7")
    try:
        for (name, rdtype), value in public.items():
            zone.set(name, rdtype, value)
        inside.horizon(public_names=["shop"]).go_live([cell()])
        assert inside.values("_acme-challenge.home.test", "TXT") == ['"value"']
        assert inside.values("_ACME-challenge.files.home.test", "TXT") == ['"other"']
        assert inside.values("shop.home.test") == ["192.0.2.80"]
        assert inside.values("www.test") == ["192.0.2.7"]
    finally:
        for name, rdtype in public:
            zone.delete(name, rdtype)


def test_dead_upstream_does_not_touch_our_names(inside: Inside) -> None:
    """Only what is forwarded fails."""
    inside.horizon(upstreams=["127.0.0.1:1", "tls://127.0.0.1%dns.test:1"]).go_live([cell()])
    assert inside.values("files.home.test") == [ADDRESS]
    assert inside.values("files.cell") == [ADDRESS]
    assert inside.ask("www.test").rcode() == dns.rcode.SERVFAIL


def test_same_content_takes_no_new_serial_and_a_change_does(inside: Inside) -> None:
    """A changed VPN address is one, and so is a setting that no zone shows."""
    inside.horizon().go_live([cell()])
    first = inside.serial("cell")
    inside.horizon().go_live([cell()])
    assert inside.serial("cell") == inside.serial("home.test") == first
    changed = inside.horizon(vpn_address="10.9.0.1")
    assert not changed.is_live([cell()])
    changed.go_live([cell()])
    assert inside.values("files.home.test") == ["10.9.0.1"]
    assert inside.ask("files.home.test", "AAAA").rcode() == dns.rcode.NOERROR
    second = inside.serial("cell")
    inside.horizon(vpn_networks=["127.0.0.0/8"]).go_live([cell()])
    assert first < second < inside.serial("cell")
    assert inside.values("files.cell", source=OUTSIDE) == ["10.9.0.1"]


def test_serials_grow_after_a_restore_and_with_a_clock_that_went_back(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether our state, the files or both are older than what was served."""
    inside.horizon().go_live([cell()])
    inside.horizon().go_live([cell(services=["files", "photos"])])
    served = inside.serial("cell")
    inside.store.delete("deploy")
    for path in (inside.root / "config/coredns/zones").iterdir():
        path.unlink()
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    inside.horizon().go_live([cell()])
    assert inside.serial("cell") == served + 1
    old = inside.files()
    inside.horizon().go_live([cell(services=["files", "photos"])])
    for path in (inside.root / "config/coredns/zones").iterdir():
        path.write_text(old[path.name])
    inside.server.stop()
    inside.server.start()
    inside.horizon().go_live([cell()])
    assert inside.serial("cell") == served + 3


def test_two_cells_are_answered_while_modes_are_switched(inside: Inside) -> None:
    """Both domains and all services; afterwards the zone file of the one that was left is gone."""
    both = [cell("duckdns", ["files"]), cell("lan", ["photos"])]
    inside.horizon().go_live(both)
    for name in ("x.home.duckdns.org", "x.home.cell", "files.cell", "photos.cell"):
        assert inside.values(name) == [ADDRESS]
    assert inside.ask("home.cell", "DS").rcode() == dns.rcode.NOERROR
    inside.horizon().go_live(both[:1])
    assert set(inside.files()) == {"Corefile", "home.duckdns.org.zone", "cell.zone"}
    assert inside.ask("x.home.cell").rcode() == dns.rcode.NXDOMAIN


def test_refused_config_brings_the_files_back(inside: Inside) -> None:
    """CoreDNS says so nowhere but in its log: the probe finds it."""
    inside.horizon().go_live([cell()])
    before = inside.files()
    own = inside.root / "config/own.conf"
    own.write_text("nas.test:99999 {\n\tnonsense\n}\n")
    with pytest.raises(DeployFailed, match="the files before are back") as failed:
        inside.horizon(include="config/own.conf").go_live([cell(services=["photos"])])
    assert "log" in failed.value.hint
    assert inside.files() == before
    assert inside.values("files.cell") == [ADDRESS]
    inside.server.stop()
    inside.server.start()
    assert inside.values("files.cell") == [ADDRESS]


def test_own_blocks_and_snippets_of_the_host_are_imported(inside: Inside) -> None:
    """A linked cell is let in by an ACL, and has a block of its own."""
    (inside.root / "config/own.conf").write_text(
        "(linked) {\n\tacl {\n\t\tallow net 127.66.0.0/16\n\t}\n}\n"
        f"friend.cell:{inside.server.port} {{\n\tbind 127.0.0.1 ::1\n"
        "\thosts {\n\t\t10.9.0.1 friend.cell\n\t}\n}\n"
    )
    inside.horizon(include="config/own.conf", snippets=["linked"]).go_live([cell()])
    assert inside.values("friend.cell") == ["10.9.0.1"]
    assert inside.values("files.cell", source=OUTSIDE) == [ADDRESS]
    assert inside.ask("files.cell", source="127.67.0.1").rcode() == dns.rcode.REFUSED


def test_coredns_that_is_down_finds_its_files_when_it_starts(inside: Inside) -> None:
    """It is said, and completed once it runs."""
    inside.server.stop()
    with pytest.raises(CoreDnsDown, match="Its new files are written"):
        inside.horizon().go_live([cell()])
    inside.server.start()
    assert inside.values("files.cell") == [ADDRESS]
    inside.horizon().go_live([cell()])
    assert inside.horizon().is_live([cell()])


def test_coredns_that_dies_of_the_reload_starts_from_the_files_before(inside: Inside) -> None:
    """What was proven comes back to disk."""
    inside.horizon().go_live([cell()])
    before = inside.files()
    inside.reload = inside.server.kill
    with pytest.raises(DeployFailed, match="it answers no serial"):
        inside.horizon().go_live([cell(services=["photos"])])
    assert inside.files() == before
    inside.server.start()
    assert inside.values("files.cell") == [ADDRESS]


def test_slow_reload_is_waited_for(inside: Inside) -> None:
    """For some seconds: CoreDNS may be told late, or let others leave first."""
    inside.horizon().go_live([cell()])
    timers = list[threading.Timer]()

    def later() -> None:
        timers.append(threading.Timer(1.5, inside.server.reload))
        timers[-1].start()

    inside.reload = later
    inside.horizon().go_live([cell(services=["photos"])])
    assert inside.values("photos.cell") == [ADDRESS]
    timers[0].join()


def test_zone_that_was_heard_anew_comes_back_with_a_later_serial(inside: Inside) -> None:
    """Where another answer than ours hides behind the new serial."""
    inside.horizon().go_live([cell()])
    (inside.root / "config/own.conf").write_text(
        f"files.home.test:{inside.server.port} {{\n\tbind 127.0.0.1 ::1\n}}\n"
        "(wrong) {\n\thosts {\n\t\t10.6.6.6 home.test\n\t\tfallthrough\n\t}\n}\n"
    )
    before, first = inside.files()["Corefile"], inside.serial("cell")
    with pytest.raises(DeployFailed, match=r"answers other addresses for home.test"):
        inside.horizon(include="config/own.conf", snippets=["wrong"]).go_live([cell()])
    assert inside.files()["Corefile"] == before
    assert resolve.await_serials(inside.server.probe, {"cell": first + 2}) == {"cell": first + 2}
    assert inside.values("home.test") == [ADDRESS]


def test_failing_reload_is_said_and_changes_nothing(inside: Inside) -> None:
    """Whatever the host's own way raises."""
    inside.horizon().go_live([cell()])
    before = inside.files()

    def broken() -> None:
        raise RuntimeError("no such thing")

    inside.reload = broken
    with pytest.raises(DeployFailed, match=r"could not be told .* no such thing"):
        inside.horizon().go_live([cell(services=["photos"])])
    assert inside.files() == before


def test_hand_edits_are_kept_and_said_once(inside: Inside) -> None:
    """In the Corefile and in a zone, then overwritten; so is a Corefile that was there before."""
    corefile = inside.root / "config/coredns/Corefile"
    corefile.write_text("# mine\n")
    inside.horizon().go_live([cell()])
    assert corefile.with_name("Corefile.orig").read_text() == "# mine\n"
    zone = inside.root / "config/coredns/zones/cell.zone"
    zone.write_text(edited := zone.read_text() + "nas A 10.8.0.5\n")
    assert not inside.horizon().is_live([cell()])
    inside.horizon().go_live([cell()])
    assert zone.with_name("cell.zone.orig").read_text() == edited
    assert sum("edited by hand" in step.text for step in inside.steps) == 1
    assert inside.ask("nas.cell").rcode() == dns.rcode.NXDOMAIN


def test_overlap_with_docker_is_said_once(inside: Inside) -> None:
    """Not of the single address of a container."""
    networks = ["127.0.0.0/16", "::1/128", "172.20.0.0/16", "172.20.0.5/32", "10.8.0.0/24"]
    horizon = inside.horizon(vpn_networks=networks)
    for _ in range(2):
        horizon.go_live([cell()])
    assert horizon.nat_trap == ("172.20.0.0/16",)
    assert sum("Docker" in step.text for step in inside.steps) == 1


def test_500_services_are_live_within_a_second(inside: Inside) -> None:
    """Rendered, read by CoreDNS, and proven."""
    inside.horizon().go_live([cell()])
    many = [cell(services=[f"service-{number}" for number in range(500)])]
    began = time.monotonic()
    inside.horizon().go_live(many)
    assert time.monotonic() - began < 1
    assert inside.values("service-499.cell") == [ADDRESS]
