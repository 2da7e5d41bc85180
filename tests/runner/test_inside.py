"""What a Runner does about CoreDNS: beside the certificates, and never in their way."""

from collections.abc import Iterator

import pytest

from picdns_core import ConfigError, CoreDnsDown, Runner
from picdns_core.deploy import resolve
from picdns_core.testing import CoreDns
from tests.conftest import Cell, MakeCell


@pytest.fixture
def cell(make_cell: MakeCell) -> Cell:
    """A cell in lan mode, with Caddy."""
    return make_cell("lan")


@pytest.fixture
def coredns(cell: Cell) -> Iterator[CoreDns]:
    """The CoreDNS of the cell, which runs and answers nobody."""
    server = CoreDns(cell.root / "config/coredns/Corefile", port=cell.net.port())
    cell.set(
        picdns={
            "coredns": {
                "vpn_address": "10.8.0.1",
                "vpn_networks": ["127.0.0.0/16"],
                "upstreams": [cell.net.unbound.resolver],
                "listen": ["127.0.0.1"],
                "port": server.port,
                "probe": server.probe,
            }
        }
    )
    with server:
        (cell.root / "config/coredns/Corefile").unlink()
        yield server


def runner(cell: Cell, coredns: CoreDns) -> Runner:
    return Runner(cell.root, progress=cell.steps.append, reload_dns=coredns.reload)


def inside(coredns: CoreDns, name: str) -> tuple[str, ...]:
    return resolve.ask(coredns.probe, name, "A").values


def test_up_answers_inside_once(cell: Cell, coredns: CoreDns) -> None:
    """And the next one has nothing to do."""
    assert runner(cell, coredns).up().deployed
    assert inside(coredns, "files.home.cell") == inside(coredns, "files.cell") == ("10.8.0.1",)
    assert not runner(cell, coredns).up().deployed
    cell.services(["files", "photos"], "127.0.0.1:1")
    assert runner(cell, coredns).up().deployed
    assert inside(coredns, "photos.cell") == ("10.8.0.1",)


def test_dead_coredns_keeps_no_certificate_from_being_served(cell: Cell, coredns: CoreDns) -> None:
    """It is one problem of its own, which the next look that finds CoreDNS well again ends."""
    coredns.stop()
    with pytest.raises(CoreDnsDown, match="Its new files are written"):
        runner(cell, coredns).up()
    assert cell.get("files.home.cell").status == 200
    (problem,) = cell.runner.refresh().problems
    assert (problem.subject, problem.error) == ("inside", "CoreDnsDown")
    coredns.start()
    runner(cell, coredns).up()
    assert cell.runner.refresh().problems == ()


def test_vpn_address_that_changes_is_answered_after_the_next_look(
    cell: Cell, coredns: CoreDns
) -> None:
    """No certificate is had for it."""
    runner(cell, coredns).up()
    cell.set(picdns={"coredns": {"vpn_address": "10.9.0.1"}})
    assert runner(cell, coredns).up().issued == ()
    assert inside(coredns, "files.cell") == ("10.9.0.1",)


def test_no_way_to_reload_is_said_when_there_is_something_to_tell(
    cell: Cell, coredns: CoreDns
) -> None:
    """The command line has no callable to pass."""
    with pytest.raises(ConfigError, match=r"picdns\.coredns\.reload: is missing"):
        cell.runner.up()
    assert cell.get("files.home.cell").status == 200
