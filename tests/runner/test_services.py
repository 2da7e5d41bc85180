"""Services come and go: what is asked of whom, what is served, and what is said of it."""

import os
from collections.abc import Sequence

import pytest

from picdns_core import ConfigError, Service
from picdns_core.testing import CoreDns, LocalInternet
from tests.conftest import Cell, MakeCell
from tests.runner.test_inside import cell, coredns, inside
from tests.runner.test_inside import runner as with_coredns

__all__ = ["cell", "coredns"]

MODES = ("cloudflare", "duckdns", "http01", "lan", "pic_ngo")
DNS_MODES = ("cloudflare", "duckdns", "pic_ngo")
every_mode = pytest.mark.parametrize("mode", MODES)


def given(cell: Cell, *names: str) -> list[Service]:
    """Make services that all lead to the one backend."""
    upstream = cell.config()["services"][0]["upstream"]
    return [Service(name=name, upstream=upstream) for name in names]


def domain(cell: Cell) -> str:
    return cell.runner.refresh().domain


@every_mode
def test_service_that_comes_is_served_and_one_that_goes_is_not(
    make_cell: MakeCell, mode: str
) -> None:
    """Under both of its names; `<service>.cell` verifies against the internal root."""
    cell = make_cell(mode)
    runner = cell.runner
    assert runner.up().failed == ()
    home, before = domain(cell), cell.certificate("files.cell").serial
    changed = runner.services_changed(given(cell, "photos"))
    assert (changed.added, changed.removed, changed.changed) == (("photos",), ("files",), ())
    assert (changed.report.failed, changed.unfinished, changed.waiting) == ((), None, None)
    assert cell.get("photos.cell").body == "hello"
    assert cell.get(f"photos.{home}").body == "hello"
    assert cell.certificate("photos.cell").serial != before
    text = cell.caddyfile.read_text()
    assert "files." not in text.replace(f"certs/files.{home}", "")


@pytest.mark.parametrize("mode", [*DNS_MODES, "lan"])
def test_with_a_wildcard_no_public_ca_is_asked(make_cell: MakeCell, mode: str) -> None:
    """The certificate of the domain stays; the internal one is had anew with all names."""
    cell = make_cell(mode)
    runner = cell.runner
    runner.up()
    home = domain(cell)
    wildcard = cell.certificate(f"*.{home}").serial
    if cell.pebble:
        cell.forget_asked()
    changed = runner.add_service(given(cell, "photos")[0])
    assert changed.report.issued == (("files.cell", "photos.cell"),)
    assert [(one.subject, one.action) for one in changed.certificates] == [
        (home, "kept"),
        ("internal", "issued"),
    ]
    assert "wildcard" in changed.certificates[0].why
    assert cell.certificate(f"*.{home}").serial == wildcard
    if cell.pebble:
        assert sum(cell.asked().values()) == 0


def test_in_http01_one_certificate_is_had_and_the_others_are_untouched(make_cell: MakeCell) -> None:
    """The removed one's is kept, and is taken back into use as it is."""
    cell = make_cell(services=("files", "mail"))
    runner = cell.runner
    runner.up()
    before = {name: cell.certificate(f"{name}.home.test").serial for name in ("files", "mail")}
    cell.forget_asked()
    changed = runner.services_changed(given(cell, "files", "photos"))
    assert cell.asked()["/order-plz"] == 1
    assert [(one.subject, one.action) for one in changed.certificates] == [
        ("files.home.test", "kept"),
        ("photos.home.test", "issued"),
        ("internal", "issued"),
        ("mail.home.test", "retired"),
    ]
    assert cell.certificate("files.home.test").serial == before["files"]
    cell.forget_asked()
    again = runner.services_changed(given(cell, "files", "photos", "mail"))
    assert "reused" in {one.action for one in again.certificates}
    assert cell.certificate("mail.home.test").serial == before["mail"]
    assert cell.get("mail.home.test").status == 200
    assert sum(cell.asked().values()) == 0


def test_another_upstream_changes_no_certificate(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """Caddy forwards there from then on."""
    cell = make_cell("lan", ("files", "photos"))
    runner = cell.runner
    runner.up()
    other = local_internet.backend("elsewhere")
    changed = runner.add_service(Service(name="photos", upstream=other.address))
    assert (changed.added, changed.changed, changed.report.issued) == ((), ("photos",), ())
    assert {one.action for one in changed.certificates} == {"kept"}
    assert cell.get("photos.home.cell").body == "elsewhere"
    assert cell.get("files.home.cell").body == "hello"


def test_the_same_services_change_nothing(make_cell: MakeCell) -> None:
    """Not a file, however they are written; what others keep in the entries stays."""
    cell = make_cell("lan", caddy=False)
    upstream = cell.config()["services"][0]["upstream"]
    entry = {"name": "Files", "upstream": upstream, "icon": "folder"}
    cell.set(services=[entry])
    runner = cell.runner
    runner.up()
    before = written(cell)
    changed = runner.services_changed([Service(name="files", upstream=upstream)])
    assert (changed.services, changed.report.issued, changed.report.deployed) == ((), (), False)
    assert written(cell) == before
    runner.services_changed(given(cell, "files", "photos"))
    assert cell.config()["services"] == [entry, {"name": "photos", "upstream": upstream}]


def written(cell: Cell) -> dict[str, int]:
    """Return when each file was written."""
    files = (path for path in cell.root.rglob("*") if "locks" not in path.parts)
    return {str(path): os.lstat(path).st_mtime_ns for path in files}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["files", "FILES"], "files is there twice"),
        (["bücher", "xn--bcher-kva"], "is there twice"),
        (["home"], "home.cell is the cell's own domain"),
        (["a" * 64], "1 to 63 letters"),
        (["files", "*"], "not a DNS label"),
    ],
)
def test_services_that_cannot_be_change_nothing(
    make_cell: MakeCell, names: Sequence[str], said: str
) -> None:
    """One clear error, before anything is written."""
    cell = make_cell("lan", caddy=False)
    runner = cell.runner
    runner.up()
    before = written(cell)
    with pytest.raises(ConfigError, match=said.replace("*", "")):
        runner.services_changed(given(cell, *names))
    assert written(cell) == before


def test_name_of_63_characters_and_an_international_one_are_served(make_cell: MakeCell) -> None:
    """And so is `www`, which is a name as any other."""
    cell = make_cell("lan")
    runner = cell.runner
    runner.up()
    changed = runner.services_changed(given(cell, "a" * 63, "bücher", "www"))
    assert (changed.report.failed, changed.unfinished) == ((), None)
    for name in ("a" * 63, "xn--bcher-kva", "www"):
        assert cell.get(f"{name}.cell").body == "hello"
        assert cell.get(f"{name}.home.cell").body == "hello"


def test_services_that_are_wrong_are_mended_by_good_ones(make_cell: MakeCell) -> None:
    """Whoever has broken the list by hand is not kept from replacing it."""
    cell = make_cell("lan", caddy=False)
    runner = cell.runner
    runner.up()
    good = given(cell, "files")
    cell.services(("files", "files", "a.b"), good[0].upstream)
    assert runner.services_changed(good).report.failed == ()
    assert [one.name for one in runner.services()] == ["files"]


def test_before_up_only_the_config_is_written(make_cell: MakeCell) -> None:
    """The result says who does the rest, and `up` does."""
    cell = make_cell("lan")
    runner = cell.runner
    changed = runner.add_service(given(cell, "photos")[0])
    assert changed.added == ("photos",)
    assert changed.waiting is not None
    assert "up" in changed.waiting
    assert not cell.base.exists() or not list(cell.base.glob("certs"))
    runner.up()
    assert cell.get("photos.cell").status == 200


def test_while_another_mode_waits_the_one_in_force_gets_the_services(make_cell: MakeCell) -> None:
    """They are good for both, and the result says what waits."""
    cell = make_cell("lan")
    runner = cell.runner
    runner.up()
    cell.set(domain_mode="http01", domain_name="photos.cell.test")
    changed = runner.add_service(given(cell, "photos")[0])
    assert cell.get("photos.home.cell").status == 200
    assert changed.waiting is not None
    assert "mode http01" in changed.waiting
    cell.set(domain_mode="lan", domain_name="mail.cell")
    with pytest.raises(ConfigError, match=r"mail\.cell is the cell's own domain"):
        runner.add_service(given(cell, "mail")[0])


def test_what_is_answered_inside_follows(cell: Cell, coredns: CoreDns) -> None:
    """A service that comes has its `.cell` name in the VPN, one that goes has it no more."""
    runner = with_coredns(cell, coredns)
    runner.up()
    changed = runner.services_changed(given(cell, "photos"))
    assert (changed.unfinished, changed.report.deployed) == (None, True)
    assert inside(coredns, "photos.cell") == ("10.8.0.1",)
    assert inside(coredns, "files.cell") == ()
