"""Each fault, made on purpose, is found with its mend."""

import os
import re
import shutil
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from msgspec.structs import replace

from picdns_core import ChallengeFailed
from picdns_core.clock import Clock
from picdns_core.doctor import files, system
from picdns_core.store import FileStore
from picdns_core.store.failures import Failures
from picdns_core.store.ticks import Ticks
from picdns_core.testing import Reply, Request, Rewrite
from tests.doctor.conftest import Found, ill
from tests.tracing.conftest import Way
from tests.tracing.test_differences import load_another_config

ELSEWHERE = "127.0.0.66"


def test_nothing_is_found_where_all_is_well(up: Way) -> None:
    """Each check has looked, and within a few seconds."""
    up.answer_inside()
    up.runner.up()
    up.tick()
    began = time()
    checks = up.runner.doctor().checks
    assert time() - began < 5
    assert [one for one in checks if not one.ok] == []
    names = {one.name for one in checks}
    local = {"disk", "cell", "certificates", "heartbeat", "caddy", "coredns", "modes"}
    public = {"clock", "port-53", "delegation", "dns", "address", "ports", "caa", "budget"}
    assert names == local | public


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ('ID=ubuntu\nID_LIKE="debian"', "apt-get install"),
        ("ID=alpine", "apk add"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install"),
        ("ID=plan9", "speaks NTP"),
    ],
)
def test_a_clock_that_is_wrong(
    up: Way,
    found: Found,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
    command: str,
) -> None:
    """By two hosts; the mend is for the system at hand."""
    late = Rewrite(_an_hour_ago)
    proxy = up.cell.net.fault_proxy(up.cell.net.pebble.directory)
    proxy.on("HEAD", "/", late)
    for echo in up.echoes:
        echo.on("HEAD", "/", late)
    up.cell.set(picdns={"acme": {"directory": proxy.proxied(up.cell.net.pebble.directory)}})
    up.cell.set(picdns={"acme": {"ca_bundle": str(up.cell.net.authority.bundle)}})
    (tmp_path / "os-release").write_text(release)
    monkeypatch.setattr(system, "OS_RELEASE", tmp_path / "os-release")
    monkeypatch.setattr(system, "_IN_A_CONTAINER", ())
    monkeypatch.setattr(shutil, "which", lambda _: None)
    one = found(up.runner, f"clock ahead, on {release.split()[0]}", "clock")
    proxy.close()
    assert "60 minutes ahead" in one.finding
    assert command in one.mend
    assert len(re.findall("-(3599|3600) s", one.evidence)) == 2


def test_another_server_on_port_80(up: Way, found: Found) -> None:
    """As the router's own page."""
    port = int(up.cell.config()["services"][0]["upstream"].rpartition(":")[2])
    up.cell.set(picdns={"acme": {"http_port": port}})
    one = found(up.runner, "another server on port 80", "ports")
    assert "answered by something else" in one.finding


@pytest.mark.parametrize(
    ("fault", "rdtype", "value", "words"),
    [
        (
            "A record leads elsewhere",
            "A",
            ELSEWHERE,
            f"to {ELSEWHERE}, but this host's public IPv4",
        ),
        ("dead AAAA record", "AAAA", "::1", "the AAAA record is dead"),
        ("no address in DNS", "A", None, "has no address"),
    ],
)
def test_a_wrong_address_outside(
    up: Way, found: Found, fault: str, rdtype: str, value: str | None, words: str
) -> None:
    """With the record to change."""
    if value:
        up.zone.set("*", rdtype, value)
    else:
        up.zone.delete("*", rdtype)
    one = found(up.runner, fault, "dns")
    assert words in one.finding


def test_a_domain_that_is_not_registered(way: Way, found: Found) -> None:
    """Its top-level domain knows no such name."""
    way.cell.set(domain_name="lapsed-name.test")
    one = found(way.runner, "domain not registered", "delegation")
    assert "nothing below test has that name" in one.finding


def test_a_name_server_that_is_down(way: Way, found: Found) -> None:
    """One of two: most do not notice, some do."""
    zone = way.cell.net.zone("lame.test", servers=2)
    way.cell.set(domain_name=zone.name)
    zone.servers[1].stop()
    one = found(way.runner, "a name server is down", "delegation")
    assert "ns2.lame.test does not answer" in one.finding


def test_caa_that_forbids_the_ca(up: Way, found: Found) -> None:
    """With the record to add."""
    up.zone.set("@", "CAA", '0 issue "other.test"')
    one = found(up.runner, "CAA names another CA", "caa")
    assert 'CAA 0 issue "pebble.letsencrypt.org"' in one.mend


def test_a_failure_budget_that_is_used_up(up: Way, found: Found) -> None:
    """Nothing is asked of the CA for it."""
    job = up.runner.workshop.open()
    [want] = [one for one in job.wants if not one.internal]
    attempt = job.authority.budget(job.clock).attempt(want.lineage, want.names)
    attempt.answer({f"https://ca.test/{number}": up.name for number in range(4)})
    up.cell.forget_asked()
    one = found(up.runner, "failure budget used up", "budget")
    assert "could not be verified 4 times within an hour" in one.finding
    assert "in 60 minutes" in one.evidence
    assert set(up.cell.asked()) <= {"/dir"}


def test_caddy_that_is_down(up: Way, found: Found) -> None:
    assert up.cell.caddy
    up.cell.caddy.stop()
    one = found(up.runner, "Caddy is down", "caddy")
    assert "Start Caddy" in one.mend


def test_another_config_in_caddy(up: Way, found: Found) -> None:
    load_another_config(up, up.cell.net)
    one = found(up.runner, "another config in Caddy", "caddy")
    assert "works with another config" in one.finding
    assert "the certificate" in one.evidence


def test_a_caddyfile_that_was_edited(up: Way, found: Found) -> None:
    with up.cell.caddyfile.open("a") as file:
        file.write("# mine\n")
    assert "edited by hand" in found(up.runner, "Caddyfile edited by hand", "caddy").finding


def test_coredns_that_is_down(up: Way, found: Found) -> None:
    up.answer_inside()
    up.runner.up()
    assert up.coredns
    up.coredns.stop()
    assert "Start CoreDNS" in found(up.runner, "CoreDNS is down", "coredns").mend


def test_a_zone_of_coredns_that_was_edited(up: Way, found: Found) -> None:
    up.answer_inside()
    up.runner.up()
    zone = up.cell.root / f"config/coredns/zones/{up.zone.name}.zone"
    zone.write_text(zone.read_text() + "; mine\n")
    one = found(up.runner, "zone file edited by hand", "coredns")
    assert "not what picdns wrote last" in one.finding


def test_vpn_networks_that_have_dockers_gateway(up: Way, found: Found) -> None:
    up.answer_inside()
    networks = ["127.0.0.0/16", "172.16.0.0/12"]
    up.cell.set(picdns={"coredns": {"vpn_networks": networks}})
    up.runner.up()
    one = found(up.runner, "VPN networks with Docker's", "coredns")
    assert "172.16.0.0/12" in one.finding


@pytest.mark.parametrize(
    ("fault", "ours", "words"),
    [
        ("mapped path is not there", "/nowhere/data", "there is no such directory"),
        ("Caddy cannot see certificates", "config", "does not cover"),
    ],
)
def test_paths_of_containers(up: Way, found: Found, fault: str, ours: str, words: str) -> None:
    up.cell.set(picdns={"caddy": {"paths": {ours: "/data"}}})
    assert words in found(up.runner, fault, "paths").finding


def test_a_key_that_others_can_read(up: Way, found: Found) -> None:
    key = next(up.cell.base.glob("certs/*/0*/privkey.pem"))
    key.chmod(0o644)
    one = found(up.runner, "a key others can read", "modes")
    assert f"{key} is 644 and should be 600" in one.evidence
    up.runner.up()
    assert ill(up.runner) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_files_of_another_user(up: Way, found: Found) -> None:
    """As after a `sudo picdns up`."""
    os.chown(up.cell.base / "cell.json", 4242, -1)
    assert "sudo chown -R" in found(up.runner, "files of another user", "modes").mend


def test_a_full_disk(up: Way, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LEAST_BYTES", 2**62)
    assert "The disk is full" in found(up.runner, "disk nearly full", "disk").finding


def test_a_certificate_that_is_missing(up: Way, found: Found) -> None:
    up.cell.services(["files", "photos"], "127.0.0.1:1")
    one = found(up.runner, "no certificate for a name", "certificates")
    assert f"photos.{up.zone.name}" in one.finding


def test_a_heartbeat_that_stands_still(up: Way, found: Found) -> None:
    up.tick()
    ticks = Ticks(FileStore(up.cell.root))
    last = ticks.last("certificates")
    assert last
    ticks.put("certificates", replace(last, next_at=up.now - timedelta(hours=1)))
    one = found(up.runner, "heartbeat stands still", "heartbeat")
    assert "Nobody has looked after the certificates since" in one.finding


def test_what_failed_last(up: Way, found: Found) -> None:
    error = ChallengeFailed("The CA looked elsewhere.", hint="Look at the A record.")
    Failures(FileStore(up.cell.root), Clock(up.now)).postpone(up.name, error)
    one = found(up.runner, "a renewal that failed", "problems")
    assert (one.finding, one.mend) == ("The CA looked elsewhere.", "Look at the A record.")
    assert "ChallengeFailed" in one.evidence


def test_a_config_that_cannot_be_read(up: Way, found: Found) -> None:
    """What can be looked at without it still is."""
    up.cell.config_file.write_text("{")
    one = found(up.runner, "config is no JSON", "config")
    assert one.finding
    assert [one.name for one in up.runner.doctor().checks] == ["config", "disk"]


def test_a_domain_that_the_config_changed(up: Way, found: Found) -> None:
    up.cell.set(domain_name="other-name.home.test")
    assert "`picdns up`" in found(up.runner, "config asks for another name", "cell").mend


def _an_hour_ago(request: Request, reply: Reply) -> Reply:
    return reply.with_headers({"Date": formatdate(time() - 3600, usegmt=True)})
