"""The whole path of a name on which all is well, and of names that are something else."""

import os

import pytest

from picdns_core import ConfigError
from picdns_core.testing import LocalInternet
from tests.conftest import MakeCell
from tests.tracing.conftest import HERE, VPN, Way

PARTS = ["name", "inside", "outside", "address", "port", "port", "served", "issuer", "trust"]


def states(way: Way, name: str) -> dict[str, str]:
    return {leg.part: leg.state for leg in way.explain(name).legs}


def test_a_name_on_whose_way_all_is_well(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leg says what was found, and by whom."""
    way.answer_inside()
    way.runner.up()
    way.tick()
    root = way.cell.root / "root.pem"
    root.write_text(way.cell.net.pebble.root())
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    trace = way.explain()
    assert (trace.asked, trace.name, trace.kind) == ("files", way.name, "service")
    assert [leg.part for leg in trace.legs] == [*PARTS, "renewal", "upstream"]
    assert [leg.text for leg in trace.legs if leg.state != "good"] == []
    assert trace.well
    facts = {leg.part: leg.facts for leg in trace.legs}
    certificate = way.cell.certificate(way.name)
    assert facts["inside"]["addresses"] == [VPN]
    assert facts["outside"]["addresses"] == [HERE]
    assert facts["outside"]["servers"][0]["ttl"] == 60
    assert facts["address"]["seen"] == [HERE]
    assert facts["served"]["serial"] == facts["served"]["stored"] == certificate.serial
    assert facts["renewal"]["renew_at"] == certificate.renew_at.isoformat()
    assert way.status().differences == ()


def test_a_name_inside_is_of_the_cells_own_ca(way: Way) -> None:
    """Nobody outside is asked for it; the root that devices import is named."""
    way.answer_inside()
    way.runner.up()
    way.tick()
    trace = way.explain("files.cell")
    assert (trace.kind, trace.service, trace.well) == ("internal", "files", True)
    assert "exist inside alone" in way.leg("outside", "files.cell").text
    assert "the cell's own CA" in way.leg("issuer", "files.cell").text
    assert "`picdns ca` says how to import it" in way.leg("trust", "files.cell").text


def test_explaining_changes_nothing(way: Way) -> None:
    """No file is written, and the CA is not asked."""
    way.runner.up()
    way.cell.forget_asked()
    files = (path for path in way.cell.root.rglob("*") if path.is_file())
    before = {path: os.lstat(path).st_mtime_ns for path in files}
    way.explain()
    files = (path for path in way.cell.root.rglob("*") if path.is_file())
    assert {path: os.lstat(path).st_mtime_ns for path in files} == before
    assert sum(way.cell.asked().values()) == 0


def test_a_name_that_no_service_has_is_wrong(way: Way) -> None:
    """What would happen to it is said all the same: inside, outside and at Caddy."""
    way.answer_inside()
    way.runner.up()
    unserved = states(way, f"nope.{way.zone.name}")
    assert unserved == states(way, "nope")
    assert unserved["name"] == "wrong"
    assert "it has files" in way.leg("name", "nope").text
    assert way.leg("inside", "nope").facts["addresses"] == [VPN]
    assert way.leg("inside", "nope.cell").facts["rcode"] == "NXDOMAIN"
    assert not way.explain("nope").well


def test_a_foreign_name_is_followed_through_dns(way: Way, local_internet: LocalInternet) -> None:
    """CoreDNS forwards it; it is no fault of the cell wherever it leads."""
    local_internet.zone("stranger.test").set("www", "A", "192.0.2.99")
    way.answer_inside()
    way.runner.up()
    trace = way.explain("www.stranger.test")
    assert (trace.kind, trace.well) == ("foreign", True)
    inside, outside = trace.legs[1:]
    assert inside.facts["addresses"] == outside.facts["addresses"] == ["192.0.2.99"]
    assert "forwarded to the internet" in inside.text
    assert "of stranger.test" in outside.text


def test_the_bare_domain_has_no_certificate_in_http01(way: Way) -> None:
    """That is how the mode is, and no fault."""
    way.runner.up()
    found = states(way, way.zone.name)
    assert (found["served"], found["outside"], found["address"]) == ("note", "good", "good")
    assert way.explain(way.zone.name).well


def test_in_lan_mode_nobody_outside_is_asked(make_cell: MakeCell) -> None:
    """Neither DNS nor an operator; a wildcard covers what no service has."""
    cell = make_cell("lan")
    cell.runner.up()
    cell.set(picdns={"dns": {"roots": ["127.0.0.250"]}})
    trace = cell.runner.explain("files")
    assert (trace.name, trace.well) == ("files.home.cell", True)
    found = {leg.part: leg for leg in trace.legs}
    assert "address" not in found
    assert "exist inside alone" in found["outside"].text
    assert "looks after no CoreDNS" in found["inside"].text
    unserved = {leg.part: leg.state for leg in cell.runner.explain("nope").legs}
    assert (unserved["name"], unserved["served"]) == ("wrong", "good")


@pytest.mark.parametrize("name", ["", "fi les", "a..b", "*.home.test", "x" * 64, "-x"])
def test_what_is_no_name_is_refused(make_cell: MakeCell, name: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(ConfigError, match="There is no such name"):
        make_cell("lan", caddy=False).runner.explain(name)
