"""What becomes of the name that is left: given back, kept on purpose, or needed by the new mode."""

import json
from datetime import UTC, datetime

import pytest

from picdns_core import ConfigError, Heartbeat, NameTaken, Runner
from picdns_core.switching import switching
from picdns_core.testing import Cut, Echoes

from .conftest import MakeMover, Mover


def _publishing(mover: Mover) -> Echoes:
    """Let the cell find a public address, and publish it."""
    echoes = mover.net.echoes()
    echoes.see(ipv4="127.0.0.1", ipv6=None)
    mover.cell.set(picdns={"address": mover.net.settings(echoes=echoes)["address"]})
    mover.cell.runner.up()
    return echoes


def test_lan_keeps_the_name_at_pic_ngo(make_mover: MakeMover) -> None:
    """The result and the status name the command that gives it back, and it does."""
    mover = make_mover("pic_ngo")
    switched = mover.cell.runner.switch("lan", mover.wish("lan"))
    assert switched.keeps
    assert (switched.keeps.command, switched.released) == ("picdns release pic_ngo", ())
    [held] = mover.cell.runner.refresh().held
    assert (held.domain, held.command) == (mover.domain("pic_ngo"), "picdns release pic_ngo")
    assert not mover.is_free(mover.label)
    assert mover.cell.runner.release("pic_ngo") == (mover.domain("pic_ngo"),)
    assert mover.is_free(mover.label)
    assert mover.cell.runner.release("pic_ngo") == ()
    assert mover.cell.runner.refresh().held == ()


def test_name_that_was_kept_is_taken_up_again(make_mover: MakeMover) -> None:
    """The service is not asked to register it a second time."""
    mover = make_mover("pic_ngo")
    token = (mover.cell.root / "data/api/.ddns_token").read_text()
    mover.cell.runner.switch("lan", mover.wish("lan"))
    asked = len(mover.account("pic_ngo").service.requests)
    mover.cell.runner.switch("pic_ngo", {})
    asked_since = mover.account("pic_ngo").service.requests[asked:]
    assert [one for one in asked_since if one.method == "POST"] == []
    assert (mover.cell.root / "data/api/.ddns_token").read_text() == token
    assert mover.cell.runner.refresh().held == ()


def test_with_release_nothing_is_kept(make_mover: MakeMover) -> None:
    """The name is free at once."""
    mover = make_mover("pic_ngo")
    switched = mover.cell.runner.switch("lan", mover.wish("lan"), release=True)
    assert (switched.keeps, switched.released) == (None, (mover.domain("pic_ngo"),))
    assert mover.is_free(mover.label)
    assert not (mover.cell.base / "registrations/pic_ngo.json").exists()


def test_mode_in_force_is_not_released(make_mover: MakeMover) -> None:
    """The error names the commands that are meant for it."""
    mover = make_mover("pic_ngo")
    with pytest.raises(ConfigError, match="is in use") as caught:
        mover.cell.runner.release("pic_ngo")
    assert "picdns teardown" in caught.value.hint
    assert not mover.is_free(mover.label)


def test_records_that_http01_lives_on_stay(make_mover: MakeMover) -> None:
    """From cloudflare to http01 on one domain, the A record is kept until it is asked for."""
    mover = make_mover("cloudflare")
    echoes = _publishing(mover)
    domain = mover.domain("cloudflare")
    before = mover.records()
    assert any(" A" in key for key in before)
    switched = mover.cell.runner.switch("http01", {"domain_name": domain}, release=True)
    assert switched.keeps
    assert "needs its records" in switched.keeps.why
    assert (mover.records(), switched.released) == (before, ())
    assert mover.issuer(f"files.{domain}") == "public"
    assert mover.cell.runner.release("cloudflare") == (domain,)
    assert mover.records() == {}
    echoes.close()


def test_records_that_nobody_needs_go(make_mover: MakeMover) -> None:
    """What the cell created at Cloudflare, and no more, is deleted."""
    mover = make_mover("cloudflare")
    echoes = _publishing(mover)
    zone = mover.account("cloudflare").zone
    zone.set(f"other.{mover.label}", "A", "127.0.0.9")
    mover.cell.runner.switch("lan", mover.wish("lan"))
    assert list(mover.records().values()) == [{"127.0.0.9"}]
    echoes.close()


@pytest.mark.parametrize("mode", ["pic_ngo", "cloudflare"])
def test_cell_gets_another_name_before_it_loses_the_one_it_has(
    make_mover: MakeMover, mode: str
) -> None:
    """The new one is served, and the former given back, with the secrets that each has."""
    mover = make_mover(mode)
    mover.account("pic_ngo")
    former, label = mover.domain(mode), f"{mover.label}x"
    suffix = former.removeprefix(mover.label)
    mover.let_another_order_pass()
    wish = {"cell_name": label, "domain_name": f"{label}{suffix}"}
    switched = mover.cell.runner.switch(mode, wish)
    assert (switched.domain, switched.released) == (f"{label}{suffix}", (former,))
    assert mover.issuer(f"files.{label}{suffix}") == "public"
    assert mover.cell.config()["cell_name"] == label
    assert mover.cell.leftovers() == []
    assert not (mover.cell.base / "secrets/former").exists()
    if mode == "pic_ngo":
        assert (mover.is_free(mover.label), mover.is_free(label)) == (True, False)


def test_name_that_is_refused_costs_the_former_nothing(make_mover: MakeMover) -> None:
    """The token stays that of the name that the cell has."""
    mover = make_mover("pic_ngo")
    before = mover.state()
    mover.let_another_order_pass()
    with pytest.raises(NameTaken):
        mover.cell.runner.switch("pic_ngo", {"cell_name": "www", "domain_name": "www.pic.ngo"})
    assert mover.state() == before
    assert not mover.is_free(mover.label)


def test_name_come_back_to_needs_no_new_registration(make_mover: MakeMover) -> None:
    """Renamed, the former could not be given back; renamed again, it is the cell's as before."""
    mover = make_mover("pic_ngo")
    service = mover.account("pic_ngo").service
    token = (mover.cell.root / "data/api/.ddns_token").read_text()
    service.on("DELETE", "/registrations/", Cut())
    label = f"{mover.label}x"
    mover.let_another_order_pass()
    renamed = {"cell_name": label, "domain_name": f"{label}.pic.ngo"}
    switched = mover.cell.runner.switch("pic_ngo", renamed)
    assert switched.unreleased
    assert (mover.cell.root / "data/api/.ddns_token").read_text() != token
    service.faults.clear()
    back = {"cell_name": mover.label, "domain_name": mover.domain("pic_ngo")}
    mover.cell.runner.switch("pic_ngo", back)
    assert (mover.cell.root / "data/api/.ddns_token").read_text() == token
    assert (mover.is_free(mover.label), mover.is_free(label)) == (False, True)
    assert not (mover.cell.base / "secrets/former").exists()


def test_config_that_was_edited_is_moved_to_by_up_and_not_by_the_heartbeat(
    make_mover: MakeMover,
) -> None:
    """As by `switch`; until then the heartbeat says what waits."""
    mover = make_mover("pic_ngo")
    wish = mover.wish("cloudflare")
    domain = wish.pop("domain_name")
    mover.cell.set(domain_mode="cloudflare", domain_name=domain, ddns=wish, garden={"gnomes": 7})
    tick = Heartbeat(mover.cell.runner).tick(datetime.now(UTC))
    assert tick.certificates
    assert "Run `picdns up`" in (tick.certificates.waiting or "")
    assert (mover.now[0], mover.is_free(mover.label)) == ("pic_ngo", False)
    before = list(mover.cell.config())
    report = mover.cell.runner.up()
    assert (report.failed, report.deployed) == ((), True)
    assert mover.now == ("cloudflare", domain)
    assert mover.is_free(mover.label)
    config = mover.cell.config()
    assert (config["garden"], list(config)) == ({"gnomes": 7}, before)
    assert wish["token"] not in mover.cell.config_file.read_text()


def test_secrets_are_in_files_of_their_own_and_nowhere_else(
    make_mover: MakeMover, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the journal while it is written, nor in config, log, steps or result."""
    caplog.set_level("DEBUG")
    mover = make_mover("lan")
    wish = mover.wish("duckdns")
    journals: list[str] = []

    def look(step: object) -> None:
        said.append(repr(step))
        if (journal := mover.cell.base / "journal/switch.json").exists():
            journals.append(journal.read_text())

    said: list[str] = []
    runner = Runner(mover.cell.root, progress=look)
    said.append(repr(runner.plan("duckdns", wish)))
    said.append(repr(runner.switch("duckdns", wish)))
    assert journals
    holders = [
        path
        for path in mover.cell.root.rglob("*")
        if path.is_file() and wish["token"].encode() in path.read_bytes()
    ]
    assert [str(path.relative_to(mover.cell.base)) for path in holders] == ["secrets/duckdns/token"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    assert wish["token"] not in "".join([*said, *journals, caplog.text, json.dumps(journals)])


def test_tick_undoes_what_a_killed_process_began(make_mover: MakeMover) -> None:
    """Without anybody's `up`; and what it had claimed is given back."""
    mover = make_mover("lan")
    mover.account("pic_ngo")
    before = mover.state()

    class Killed(BaseException):
        pass

    def die(step: object) -> None:
        if "serving both" in repr(step):
            raise Killed

    def die_at_once(_: object) -> None:
        raise Killed

    runner = Runner(mover.cell.root, progress=die)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(switching, "undo", die_at_once)  # a killed process undoes nothing
        with pytest.raises(Killed):
            runner.switch("pic_ngo", mover.wish("pic_ngo"))
    assert "serving both" in (mover.cell.runner.refresh().switching or "")
    Heartbeat(mover.cell.runner).tick(datetime.now(UTC))
    assert mover.is_free(mover.label)
    assert mover.state() == before
    assert mover.cell.runner.refresh().switching is None
