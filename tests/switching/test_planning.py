"""What a switch would do, said before; and a switch that has nothing to do."""

import pytest

from picdns_core import ConfigError, ModeChanged, Runner
from picdns_core.announcer import Announcer
from picdns_core.events import Event

from .conftest import MakeMover


def test_plan_asks_nobody_and_writes_nothing(make_mover: MakeMover) -> None:
    """It says what is registered, had, written and given back, and what devices must import."""
    mover = make_mover("cloudflare")
    wish = mover.wish("pic_ngo")
    before, asked = mover.state(), len(mover.account("pic_ngo").service.requests)
    locks = sorted(path.name for path in (mover.cell.base / "locks").iterdir())
    plan = mover.cell.runner.plan("pic_ngo", wish)
    domain = mover.domain("pic_ngo")
    assert (plan.changes, plan.registers, plan.reissues_root) == (True, domain, True)
    assert [one.names for one in plan.issues] == [(domain, f"*.{domain}"), ("files.cell",)]
    assert plan.issues[0].by == mover.pebble.directory
    assert plan.writes == ("config/api/cell_config.json", "config/caddy/Caddyfile")
    assert (plan.releases, plan.keeps) == (mover.domain("cloudflare"), None)
    assert mover.state() == before
    assert len(mover.account("pic_ngo").service.requests) == asked
    assert sorted(path.name for path in (mover.cell.base / "locks").iterdir()) == locks


def test_plan_comes_true(make_mover: MakeMover) -> None:
    """What it says will be had is had, and nothing else; what it keeps is kept."""
    mover = make_mover("pic_ngo")
    plan = mover.cell.runner.plan("lan", mover.wish("lan"))
    switched = mover.cell.runner.switch("lan", mover.wish("lan"))
    assert sorted(switched.issued) == sorted(one.names for one in plan.issues)
    assert (plan.keeps, plan.releases) == (switched.keeps, None)
    assert plan.reissues_root == switched.new_root
    again = mover.cell.runner.plan("lan", {})
    assert (again.changes, again.issues, again.writes) == (False, (), ())


def test_switch_to_what_is_in_force_changes_nothing(make_mover: MakeMover) -> None:
    """Nobody is asked; a config that was edited says again what is."""
    mover = make_mover("duckdns")
    before, service = mover.state(), mover.account("duckdns").service
    mover.cell.set(domain_mode="lan")
    asked = len(service.requests)
    switched = mover.cell.runner.switch("duckdns", mover.wish("duckdns"))
    assert (switched.changes, len(service.requests)) == (False, asked)
    assert mover.cell.config()["domain_mode"] == "duckdns"
    assert {key for key in before if before[key] != mover.state()[key]} <= {
        str(mover.cell.config_file)
    }


def test_new_token_is_proven_before_it_takes_the_place_of_the_other(make_mover: MakeMover) -> None:
    """Same mode, same name, another secret."""
    mover = make_mover("duckdns")
    kept = mover.cell.base / "secrets/duckdns/token"
    token = kept.read_text()
    with pytest.raises(Exception, match="DuckDNS refuses"):
        mover.cell.runner.switch("duckdns", {"token": "0" * 36})
    assert kept.read_text() == token
    assert mover.cell.leftovers() == []


def test_cell_that_is_not_up_has_nothing_to_switch_from(make_mover: MakeMover) -> None:
    """The error names what is meant for it."""
    mover = make_mover("lan")
    mover.cell.runner.teardown()
    for call in (mover.cell.runner.switch, mover.cell.runner.plan):
        with pytest.raises(ConfigError, match="not up") as caught:
            call("duckdns", mover.wish("duckdns"))
        assert "picdns up" in caught.value.hint


def test_observers_hear_of_it_once_it_is_so(make_mover: MakeMover) -> None:
    """The claim, the certificates, and at last the mode; and nothing of what was undone."""
    mover = make_mover("lan")
    heard: list[Event] = []

    class Listening(Announcer):
        def _tell(self, event: Event) -> None:
            heard.append(event)

    runner = Runner(mover.cell.root)
    runner.workshop.announce = Listening()
    with pytest.raises(Exception, match="DuckDNS refuses"):
        runner.switch("duckdns", mover.wish("duckdns") | {"token": "0" * 36})
    assert heard == []
    runner.switch("duckdns", mover.wish("duckdns"))
    kinds = [type(one).__name__ for one in heard]
    assert kinds == ["Registered", "CertIssued", "CertIssued", "ModeChanged"]
    [changed] = [one for one in heard if isinstance(one, ModeChanged)]
    assert (changed.previous_mode, changed.previous_domain) == ("lan", "home.cell")
    assert (changed.cell.mode, changed.cell.domain) == ("duckdns", mover.domain("duckdns"))
