"""What goes wrong before the new mode serves leaves all as it was; what does so later is done."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from picdns_core import (
    AuthenticationFailed,
    Busy,
    CaddyDown,
    ConfigError,
    DeployFailed,
    Heartbeat,
    PicdnsError,
    ProviderUnavailable,
    Runner,
    Step,
)
from picdns_core.clock import Clock
from picdns_core.deploy import resolve
from picdns_core.going_live import put_live
from picdns_core.testing import Answer, CoreDns, Cut

from .conftest import MakeMover, Mover


@pytest.fixture
def unchanged(make_mover: MakeMover) -> Iterator[Callable[[str], Mover]]:
    """Make a cell of which nothing may be different at the end of the test."""
    kept: list[tuple[Mover, dict[str, object]]] = []

    def make(mode: str) -> Mover:
        mover = make_mover(mode)
        mover.account("pic_ngo")
        kept.append((mover, mover.state()))
        return mover

    yield make
    for mover, before in kept:
        assert mover.cell.leftovers() == []
        assert mover.state() == before
        mover.issuer(f"files.{mover.now[1]}")
        mover.issuer("files.cell")
        report = mover.cell.runner.up()
        assert (report.issued, report.deployed, report.failed) == ((), False, ())


def test_token_that_is_refused_changes_nothing(unchanged: Callable[[str], Mover]) -> None:
    """The error is the service's, and the right token is not asked for anything."""
    mover = unchanged("lan")
    with pytest.raises(AuthenticationFailed) as caught:
        mover.cell.runner.switch("duckdns", mover.wish("duckdns") | {"token": "0" * 36})
    assert "0" * 36 not in str(caught.value)
    assert mover.cell.runner.refresh().problems == ()


def test_ca_that_is_down_gives_the_new_name_back(unchanged: Callable[[str], Mover]) -> None:
    """It was registered already."""
    mover = unchanged("cloudflare")
    acme = mover.cell.config()["picdns"]["acme"]
    proxy = mover.net.fault_proxy(mover.pebble.directory)
    mover.cell.set(
        picdns={
            "acme": {
                "directory": proxy.proxied(mover.pebble.directory),
                "ca_bundle": str(mover.net.authority.bundle),
            }
        }
    )
    proxy.on("POST", "", Answer(503))
    with pytest.raises(PicdnsError):
        mover.cell.runner.switch("pic_ngo", mover.wish("pic_ngo"))
    proxy.close()
    mover.cell.set(picdns={"acme": acme})
    assert mover.is_free(mover.label)


def test_caddy_that_is_down_leaves_nothing_behind(unchanged: Callable[[str], Mover]) -> None:
    """What was had for the new mode goes."""
    mover = unchanged("lan")
    assert mover.cell.caddy
    mover.cell.caddy.stop()
    with pytest.raises(CaddyDown):
        mover.cell.runner.switch("cloudflare", mover.wish("cloudflare"))
    mover.cell.caddy.start()


def test_probe_that_sees_another_certificate_brings_the_old_back(
    unchanged: Callable[[str], Mover],
) -> None:
    """As when something else listens there."""
    mover = unchanged("lan")
    elsewhere = mover.net.fault_proxy(mover.pebble.directory)
    caddy = mover.cell.config()["picdns"]["caddy"]
    mover.cell.set(picdns={"caddy": {"probe": elsewhere.address}})
    with pytest.raises(DeployFailed):
        mover.cell.runner.switch("cloudflare", mover.wish("cloudflare"))
    config = mover.cell.config()
    config["picdns"]["caddy"] = caddy
    mover.cell.config_file.write_text(json.dumps(config, indent=2))
    elsewhere.close()


def test_settings_that_make_no_cell_are_refused_at_once(unchanged: Callable[[str], Mover]) -> None:
    """No service is asked, and a secret given to a mode that has none gets nowhere."""
    mover = unchanged("lan")
    token = mover.wish("cloudflare")["token"]
    for mode, settings in (
        ("http01", {"token": token}),
        ("cloudflare", {"domain_name": "home.example.org"}),
        ("cloudflare", {"domain_name": "", "token": token}),
        ("sheep", {}),
    ):
        with pytest.raises(ConfigError) as caught:
            mover.cell.runner.switch(mode, settings)
        assert token not in str(caught.value)
    assert token not in mover.cell.config_file.read_text()


def test_what_cannot_be_given_back_at_once_is_tried_again(make_mover: MakeMover) -> None:
    """Neither an undone switch nor one that is done waits for a service that is down."""
    mover = make_mover("lan")
    assert mover.cell.caddy
    service = mover.account("pic_ngo").service
    before = mover.state()
    service.on("DELETE", "/registrations/", Cut())
    mover.cell.caddy.stop()
    with pytest.raises(CaddyDown):
        mover.cell.runner.switch("pic_ngo", mover.wish("pic_ngo"))
    mover.cell.caddy.start()
    assert mover.now[0] == "lan"
    assert [one.subject for one in mover.cell.runner.refresh().problems] == ["former"]
    assert not mover.is_free(mover.label)
    service.faults.clear()
    mover.cell.runner.up()
    assert mover.is_free(mover.label)
    assert mover.state() == before
    assert mover.cell.runner.refresh().problems == ()


def test_release_that_fails_does_not_undo_the_switch(make_mover: MakeMover) -> None:
    """It is said, kept, and tried again; status names it."""
    mover = make_mover("pic_ngo")
    service = mover.account("pic_ngo").service
    service.on("DELETE", "/registrations/", Cut())
    switched = mover.cell.runner.switch("http01", mover.wish("http01"))
    assert (mover.now[0], switched.released) == ("http01", ())
    assert switched.unreleased
    assert switched.unreleased.names == (mover.domain("pic_ngo"),)
    assert not mover.is_free(mover.label)
    assert [one.subject for one in mover.cell.runner.refresh().problems] == ["former"]
    service.faults.clear()
    mover.cell.runner.up()
    assert mover.is_free(mover.label)
    assert mover.cell.runner.refresh().problems == ()
    assert not (mover.cell.root / "data/api/.ddns_token").exists()


def test_service_that_is_down_is_no_refusal(unchanged: Callable[[str], Mover]) -> None:
    """Perhaps it had heard: the name is given back in any case, once it answers."""
    mover = unchanged("cloudflare")
    service = mover.account("pic_ngo").service
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        mover.cell.runner.switch("pic_ngo", mover.wish("pic_ngo"))
    mover.let_another_order_pass()
    mover.cell.runner.up()
    assert mover.is_free(mover.label)


def test_second_switch_is_told_how_far_the_first_is(make_mover: MakeMover) -> None:
    """In the meantime nobody puts anything live, and the status says that one is under way."""
    mover = make_mover("lan")
    waiting, go_on = threading.Event(), threading.Event()

    def pause(step: Step) -> None:
        if "serving both" in step.text:
            waiting.set()
            go_on.wait(30)

    runner = Runner(mover.cell.root, progress=pause)
    first = threading.Thread(target=runner.switch, args=("cloudflare", mover.wish("cloudflare")))
    first.start()
    assert waiting.wait(30)
    try:
        with pytest.raises(Busy, match=r"from home\.cell in mode lan .*: serving both"):
            mover.cell.runner.switch("duckdns", mover.wish("duckdns"))
        for call in (mover.cell.runner.up, mover.cell.runner.renew):
            with pytest.raises(Busy, match="switching from"):
                call()
        with pytest.raises(Busy, match="switching from"):
            Heartbeat(mover.cell.runner).tick(datetime.now(UTC))
        assert "serving both" in (mover.cell.runner.refresh().switching or "")
    finally:
        go_on.set()
        first.join(30)
    assert mover.now[0] == "cloudflare"
    assert mover.cell.leftovers() == []


@pytest.mark.parametrize(("old", "new"), [("lan", "duckdns"), ("cloudflare", "duckdns")])
def test_work_that_began_before_does_not_bring_the_old_back(
    make_mover: MakeMover, old: str, new: str
) -> None:
    """A tick that took its time finds out: it puts nothing live, and makes no other root."""
    mover = make_mover(old)
    runner = mover.cell.runner
    job = runner.workshop.open_in_force(Clock.of_host())
    assert job
    runner.switch(new, mover.wish(new))
    before, root = mover.state(), mover.cell.internal_root
    with pytest.raises(Busy, match=f"no more {job.cell.domain} in mode {old}"):
        runner.workshop.certificates(job).renew(job.wants)
    with pytest.raises(Busy, match=f"no more {job.cell.domain} in mode {old}"):
        put_live(job, runner.workshop.announce, runner.workshop.progress)
    runner.up()
    assert mover.cell.internal_root == root
    assert mover.state() == before


def test_names_inside_are_answered_all_the_time(make_mover: MakeMover) -> None:
    """Those of both while both are served; at the end those of the new one alone."""
    mover = make_mover("lan")
    corefile = mover.cell.root / "config/coredns/Corefile"
    server = CoreDns(corefile, port=mover.net.port())
    coredns = {
        "vpn_address": "10.8.0.1",
        "vpn_networks": ["127.0.0.0/16"],
        "upstreams": [mover.net.unbound.resolver],
        "listen": ["127.0.0.1"],
        "port": server.port,
        "probe": server.probe,
    }
    mover.cell.set(picdns={"coredns": coredns})
    old, new = "files.home.cell", f"files.{mover.domain('duckdns')}"
    seen: list[tuple[bool, bool]] = []

    def look(step: Step) -> None:
        if "into force" in step.text:
            seen.append((_inside(server, old), _inside(server, new)))

    with server:
        corefile.unlink()
        runner = Runner(mover.cell.root, progress=look, reload_dns=server.reload)
        runner.up()
        assert (_inside(server, old), _inside(server, new)) == (True, False)
        runner.switch("duckdns", mover.wish("duckdns"))
        assert seen == [(True, True)]
        assert _inside(server, new)
        assert not _inside(server, "photos.home.cell")
        assert runner.refresh().problems == ()


def _inside(server: CoreDns, name: str) -> bool:
    return resolve.ask(server.probe, name, "A").values == ("10.8.0.1",)
