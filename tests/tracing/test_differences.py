"""What was changed behind our back: named by status and explain, and repaired where we can."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from picdns_core import Heartbeat
from picdns_core.testing import LocalInternet
from tests.conftest import MakeCell
from tests.tracing.conftest import HERE, HERE6, VPN, Way

STRANGER = "192.0.2.66"
HOUR = timedelta(minutes=61)


def load_another_config(way: Way, net: LocalInternet) -> None:
    """Let somebody else load a config into Caddy, with a certificate of their own."""
    caddy, other = way.cell.caddy, net.authority.issue(way.name)
    assert caddy
    config = f"""{{
        admin {caddy.admin}
        auto_https off
        http_port {caddy.http_port}
        https_port {caddy.https_port}
    }}
    https://{way.name} {{
        tls {other.chain} {other.key}
        respond other
    }}
    """
    headers = {"Content-Type": "text/caddyfile"}
    requests.post(
        f"http://{caddy.admin}/load", config, headers=headers, timeout=5
    ).raise_for_status()


def test_another_config_in_caddy_is_named_and_repaired(
    way: Way, local_internet: LocalInternet
) -> None:
    """By the next tick or the one after, since each looks at one certificate."""
    way.runner.up()
    way.tick()
    load_another_config(way, local_internet)
    public, internal = way.status().differences
    assert (public.where, public.name, len(public.found)) == ("served", way.name, 1)
    assert public.found != public.expected
    assert "another config was loaded into Caddy" in public.message
    assert (internal.name, internal.found) == ("files.cell", ())
    assert way.leg("served").state == "wrong"
    assert "It is not the stored one" in way.leg("served").text
    assert way.legs("port")[1].facts["outcome"] == "other"
    assert way.tick().did == ("The newest certificates were put in use",)
    assert (way.differences(), way.leg("served").state) == ([], "good")
    assert way.tick().did == ()


def test_caddy_that_is_down_is_named_until_it_is_back(way: Way) -> None:
    """Status and explain say what to do."""
    way.runner.up()
    way.tick()
    assert way.cell.caddy
    way.cell.caddy.stop()
    assert way.differences() == [("served", way.name, ()), ("served", "files.cell", ())]
    leg = way.leg("served")
    assert (leg.state, leg.facts["serial"]) == ("wrong", None)
    assert "Start Caddy" in leg.hint
    assert [one.error for one in way.tick().problems] == ["CaddyDown"]
    way.cell.caddy.start()
    way.tick()
    assert way.differences() == []


def test_an_old_zone_in_coredns_is_named_and_repaired(way: Way) -> None:
    """By the next tick."""
    way.answer_inside()
    way.runner.up()
    way.tick()
    assert way.coredns
    for zone in Path(way.cell.root / "config/coredns/zones").iterdir():
        text = zone.read_text().replace(VPN, "10.8.0.9")
        zone.write_text(re.sub(r"\b\d{10}\b", lambda found: str(int(found[0]) + 1), text))
    way.coredns.reload()
    for _ in range(100):
        if way.leg("inside").state == "wrong":
            break
    [first] = way.status().differences
    assert (first.where, first.name, first.found) == ("inside", way.zone.name, ("10.8.0.9",))
    assert first.expected == (VPN,)
    assert "10.8.0.9" in way.leg("inside").text
    way.tick()
    assert (way.differences(), way.leg("inside").state) == ([], "good")


def test_coredns_that_is_down_is_named(way: Way) -> None:
    """One line for all names; what is outside is as it was."""
    way.answer_inside()
    way.runner.up()
    assert way.coredns
    way.coredns.stop()
    assert way.differences() == [("inside", way.zone.name, ())]
    assert "gives no answer" in way.leg("inside").text
    assert "Start CoreDNS" in way.leg("inside").hint
    assert way.leg("outside").state == "good"


def test_a_wrong_address_in_public_dns_is_named(way: Way) -> None:
    """By explain at once, by the heartbeat and status within the hour; it is told once."""
    way.runner.up()
    way.tick()
    way.zone.set("*", "A", STRANGER)
    leg = way.leg("outside")
    assert leg.state == "wrong"
    assert f"leads {way.name} to {STRANGER}, but this host's public IPv4 address is" in leg.text
    assert f"Set the A record to {HERE}" in leg.hint
    assert way.tick().problems == ()
    [problem] = way.tick(HOUR).problems
    assert (problem.subject, problem.error) == ("outside", "LeadsElsewhere")
    assert way.differences() == [("outside", way.name, (STRANGER,))]
    way.zone.set("*", "A", HERE)
    [recovered] = way.tick(HOUR).recovered
    assert (recovered.subject, way.differences()) == ("outside", [])


@pytest.mark.parametrize("ipv6", ["off", "interface:none"])
def test_a_dead_aaaa_is_named(way: Way, ipv6: str) -> None:
    """The host has no IPv6, so whoever prefers it does not get here."""
    way.cell.set(picdns={"address": {"ipv6": ipv6}})
    way.runner.up()
    way.zone.set("*", "AAAA", HERE6)
    leg = way.leg("outside")
    assert leg.state == "wrong"
    assert "the AAAA record is dead" in leg.text
    assert "Remove the AAAA record" in leg.hint
    way.tick()
    assert way.differences() == [("outside", way.name, (HERE, HERE6))]


def test_a_name_that_is_not_in_public_dns_is_named(way: Way) -> None:
    """With the record to add."""
    way.runner.up()
    way.zone.delete("*", "A")
    assert f"add A {HERE} for {way.name}" in way.leg("outside").hint
    way.tick()
    assert way.differences() == [("outside", way.name, ())]


def test_outside_is_looked_at_once_an_hour(way: Way) -> None:
    """And not at all where no address is looked for."""
    way.runner.up()
    way.tick()
    for echo in way.echoes:
        echo.asked.clear()
    way.tick()
    Heartbeat(way.runner).tick(way.now)
    assert way.echoes.asked == []
    way.tick(HOUR)
    assert way.echoes.asked != []
    for echo in way.echoes:
        echo.asked.clear()
    way.cell.set(picdns={"address": {"ipv4": "off"}})
    way.zone.set("*", "A", STRANGER)
    way.tick(HOUR)
    assert (way.echoes.asked, way.differences()) == ([], [])


def test_a_published_address_that_dns_does_not_show_is_named(make_cell: MakeCell) -> None:
    """Where the service says that it publishes ours, and name servers show another."""
    cell = make_cell("cloudflare", caddy=False)
    address = {"ipv4": "192.0.2.7", "ipv6": "off", "also_global": ["192.0.2.0/24"]}
    cell.set(picdns={"address": address})
    cell.runner.up()
    assert cell.account
    domain = cell.account.domain
    cell.account.zone.set(f"{domain}.", "A", STRANGER)
    [outside] = (leg for leg in cell.runner.explain(domain).legs if leg.part == "outside")
    assert "The published 192.0.2.7 is not there" in outside.text
    runner = cell.runner
    Heartbeat(runner).tick(datetime.now(UTC) + HOUR)
    [one] = cell.runner.refresh().differences
    assert (one.where, one.name, one.found) == ("outside", domain, (STRANGER,))
    assert one.expected == ("192.0.2.7",)
