"""What is wrong on a name's way is said with its mend; what proves nothing is only noted."""

import time
from datetime import timedelta

import pytest
from msgspec.structs import replace

from picdns_core import ChallengeFailed, Runner
from picdns_core.clock import Clock
from picdns_core.store import FileStore
from picdns_core.store.failures import Failures
from picdns_core.store.ticks import Ticks
from picdns_core.testing import LocalInternet
from picdns_core.tracing import later
from tests.tracing.conftest import HERE, Way

NOWHERE = "192.0.2.1"


def test_a_port_that_is_not_reached_from_here_is_no_fault(way: Way) -> None:
    """Many routers cannot reach themselves; it is said how to find out."""
    way.runner.up()
    way.zone.set("*", "A", NOWHERE)
    way.echoes.see(ipv4=NOWHERE)
    way.cell.set(picdns={"address": {"also_global": ["192.0.2.0/24"]}})
    started = time.monotonic()
    trace = way.explain()
    assert time.monotonic() - started < 8
    ports = [leg for leg in trace.legs if leg.part == "port"]
    assert [(leg.state, leg.facts["outcome"]) for leg in ports] == [("note", "silent")] * 2
    assert "NAT loopback" in ports[0].text
    assert "phone on mobile data" in ports[0].hint
    assert trace.well


def test_an_upstream_that_is_down_is_wrong(way: Way) -> None:
    """Caddy cannot reach it either."""
    way.cell.services(("files",), "127.0.0.1:1")
    way.runner.up()
    leg = way.leg("upstream")
    assert leg.state == "wrong"
    assert leg.text == "files at 127.0.0.1:1 accepts no connections: Connection refused"
    assert "Start files" in leg.hint


def test_an_upstream_that_only_caddy_knows_is_not_judged(way: Way) -> None:
    """A container's name, where Caddy does not run to be asked."""
    way.cell.services(("files",), "files.invalid:80")
    way.runner.up()
    assert way.leg("upstream").state == "wrong"  # Caddy does not know it
    assert way.cell.caddy
    way.cell.caddy.stop()
    leg = way.leg("upstream")
    assert leg.state == "note"
    assert "Caddy may, in a network of its own" in leg.text


def test_carrier_grade_nat_is_wrong(way: Way) -> None:
    """No port forwarding can help."""
    way.runner.up()
    way.echoes.see(ipv4="100.64.3.4")
    leg = way.leg("address")
    assert (leg.state, leg.facts["verdicts"]) == ("wrong", ["shared"])
    assert "port forwarding cannot work" in leg.text
    assert "Use IPv6 or a tunnel" in leg.hint


def test_name_servers_that_differ_are_wrong(way: Way, local_internet: LocalInternet) -> None:
    """Each is named with what it says."""
    zone = local_internet.zone("way-two.test", servers=2)
    zone.set("*", "A", HERE)
    zone.set("*", "A", NOWHERE, servers=zone.servers[:1])
    way.cell.set(domain_name=zone.name)
    leg = way.leg("outside")
    assert leg.state == "wrong"
    first, second = (server.hostname.rstrip(".") for server in zone.servers)
    assert f"{first} says {NOWHERE}" in leg.text
    assert f"{second} says {HERE}" in leg.text


def test_a_cname_is_followed_and_told(way: Way, local_internet: LocalInternet) -> None:
    """It is no fault where it leads here."""
    local_internet.zone("way-host.test").set("host", "A", HERE)
    way.zone.set("files", "CNAME", "host.way-host.test.")
    leg = way.leg("outside")
    assert leg.state == "good"
    assert leg.text.startswith(f"CNAME host.way-host.test, {HERE}")
    assert leg.facts["aliases"] == ["host.way-host.test"]


def test_public_dns_that_cannot_be_asked_is_wrong(way: Way) -> None:
    """It tells how far the walk came; the rest is told all the same."""
    way.runner.up()
    way.cell.set(picdns={"dns": {"roots": ["127.0.0.250"]}})
    trace = Runner(way.cell.root).explain("files")
    found = {leg.part: leg for leg in trace.legs}
    assert "No name server of the root gives a valid answer" in found["outside"].text
    assert (found["outside"].state, found["served"].state) == ("wrong", "good")
    assert "port" not in found


def test_a_name_without_certificate_is_wrong(way: Way) -> None:
    """Before the first `up`."""
    leg = way.leg("served")
    assert (leg.state, leg.hint) == ("wrong", "Run `picdns up`.")
    assert way.legs("issuer") == way.legs("renewal") == []


def test_a_renewal_that_fails_is_wrong(way: Way) -> None:
    """With what failed, what to do, and when it is tried again."""
    way.runner.up()
    way.tick()
    error = ChallengeFailed("The CA looked elsewhere.", hint="Look at the A record.")
    Failures(FileStore(way.cell.root), Clock(way.now)).postpone(way.name, error)
    leg = way.leg("renewal")
    assert (leg.state, leg.hint) == ("wrong", "Look at the A record.")
    assert "It failed: The CA looked elsewhere. Tried again from" in leg.text
    assert leg.facts["retry_at"]


def test_a_heartbeat_that_stands_still_is_wrong(way: Way) -> None:
    """None at all is only noted: the host may not have started it yet."""
    way.runner.up()
    assert way.leg("renewal").state == "note"
    way.tick()
    ticks = Ticks(FileStore(way.cell.root))
    last = ticks.last("certificates")
    assert last
    ticks.put("certificates", replace(last, next_at=way.now - timedelta(hours=1)))
    leg = way.leg("renewal")
    assert leg.state == "wrong"
    assert "Nobody has looked after it since" in leg.text


def test_a_ca_that_this_host_does_not_know_is_noted(way: Way) -> None:
    """As a CA of one's own; devices need its root."""
    way.runner.up()
    leg = way.leg("trust")
    assert (leg.state, leg.facts) == ("note", {"publicly": False})
    assert "must have the CA's root" in leg.hint


def test_who_does_not_answer_is_not_waited_for() -> None:
    """What a call raises is raised where it is awaited, timeouts of its own too."""
    deadline = later.Deadline(0.2)
    started = time.monotonic()
    assert deadline.await_(later.ask(lambda: time.sleep(5))) is None
    assert deadline.await_(later.ask(lambda: time.sleep(5))) is None
    assert time.monotonic() - started < 1

    def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        later.Deadline(5).await_(later.ask(fail))
