"""`picdns rehearse`: an order at a second CA, of which nothing stays."""

from collections.abc import Iterator

import pytest

from picdns_core.testing import Cut, FaultProxy, LocalInternet
from tests.conftest import Cell, MakeCell

from .shell import Shell

NAME = "files.home.test"


@pytest.fixture
def staging(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """Another directory, by which the CA is asked."""
    proxy = local_internet.fault_proxy(local_internet.pebble.directory)
    yield proxy
    proxy.close()


@pytest.fixture
def cell(make_cell: MakeCell, staging: FaultProxy) -> Cell:
    """A cell that was never brought up, with a staging directory."""
    made = make_cell(caddy=False)
    acme = {
        "staging": staging.proxied(made.net.pebble.directory),
        "ca_bundle": str(made.net.authority.bundle),
    }
    made.set(picdns={"acme": acme})
    return made


def test_what_would_work_is_told_and_nothing_stays(cell: Cell) -> None:
    """In text and in JSON; no certificate is there afterwards."""
    shell = Shell(cell.root)
    done = shell.run("rehearse")
    assert (done.returncode, done.stdout) == (0, f"It would work for {NAME}\n")
    assert f"{NAME}: Rehearsing a certificate" in done.stderr.splitlines()
    nothing = {"deployed": False, "failed": [], "addresses": []}
    assert shell.json("rehearse") == {"issued": [[NAME]], **nothing}
    assert NAME in shell.json("status")["missing"]
    assert cell.leftovers() == []


def test_what_would_not_work_is_exit_code_1(cell: Cell, staging: FaultProxy) -> None:
    """With the message and the mend; it is no problem of the cell."""
    staging.on(".*", ".*", Cut())
    shell = Shell(cell.root)
    done = shell.call("rehearse")
    assert (done.exit_code, done.stdout.strip()) == (1, "")
    assert "could not be asked" in done.stderr
    [failed] = shell.json("rehearse", code=1)["failed"]
    assert (failed["names"], failed["error"]) == ([NAME], "ProviderUnavailable")
    assert shell.json("status")["problems"] == []


def test_unknown_staging_is_wrong_use(make_cell: MakeCell) -> None:
    """Exit code 2, and the setting that is wanted."""
    shell = Shell(make_cell(caddy=False).root)
    error = shell.json("rehearse", code=2)["error"]
    assert (error["type"], error["key"]) == ("ConfigError", "picdns.acme.staging")
    assert "picdns.acme.staging: is not set" in shell.call("rehearse").stderr


def test_mode_that_asks_no_ca_is_wrong_use(shell: Shell) -> None:
    """In `lan` there is nothing to rehearse."""
    shell.init()
    result = shell.call("rehearse")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lan asks no public CA, so there is nothing to rehearse" in result.stderr
    assert "→ `picdns up` does all there is to do." in result.stderr
