"""`picdns revoke`: the CA revokes, and another certificate takes the place."""

import pytest

from picdns_core.testing import Answer, FaultProxy
from tests.conftest import Cell, MakeCell

from .shell import Shell, through

NAME = "files.home.test"
NOTHING_ELSE = {"deployed": True, "failed": [], "addresses": []}


def serial(cell: Cell) -> int:
    return int(cell.certificate(NAME).serial, 16)


def test_revoked_certificate_is_replaced_at_once(make_cell: MakeCell) -> None:
    """Another one is served afterwards, and it is told what was done."""
    cell = make_cell()
    cell.runner.up()
    before = serial(cell)
    done = Shell(cell.root).run("revoke", "--name", NAME, "--reason", "keyCompromise")
    assert done.returncode == 0
    assert f"New certificate for {NAME}" in done.stdout.splitlines()
    assert f"{NAME}: Revoking the certificate" in done.stderr.splitlines()
    assert cell.net.pebble.certificate_status(before) == "Revoked"
    assert cell.net.pebble.certificate_status(serial(cell)) == "Valid"
    assert serial(cell) != before
    assert cell.certificate(NAME).served == cell.certificate(NAME).serial


def test_json_is_that_of_renew(make_cell: MakeCell) -> None:
    """The names that got another one."""
    cell = make_cell(caddy=False)
    cell.runner.up()
    report = Shell(cell.root).json("revoke", "--name", NAME)
    assert report == {"issued": [[NAME]], **NOTHING_ELSE}


def test_revoked_certificate_is_served_while_no_other_can_be_had(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """Exit code 1; `status` says that it is due since it was revoked, and what is broken."""
    cell = through(make_cell(caddy=False), faulty)
    cell.runner.up()
    before = serial(cell)
    rule = faulty.on("POST", "/order-plz", Answer(503))
    shell = Shell(cell.root)
    [failed] = shell.json("revoke", "--name", NAME, code=1)["failed"]
    assert failed["names"] == [NAME]
    assert cell.net.pebble.certificate_status(before) == "Revoked"
    assert (serial(cell), cell.certificate(NAME).why) == (before, "it was revoked")
    [problem] = shell.json("status")["problems"]
    assert problem["subject"] == NAME
    assert problem["retry_at"] > problem["at"]
    faulty.faults.remove(rule)
    assert shell.json("up")["issued"] == [[NAME]]
    assert serial(cell) != before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mail.example", "No certificate of this cell carries the name mail.example."),
        ("files.cell", "No certificate of that name from the public CA is in use"),
        (NAME, "No certificate of that name from the public CA is in use"),
    ],
)
def test_name_without_such_a_certificate_is_wrong_use(
    make_cell: MakeCell, name: str, said: str
) -> None:
    """Unknown, from the cell's own CA, or not had: exit code 2, and the CA is not asked."""
    cell = make_cell(caddy=False)
    result = Shell(cell.root).call("revoke", "--name", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "→" in result.stderr
    assert cell.asked()["/revoke-cert"] == 0
    assert Shell(cell.root).json("revoke", "--name", name, code=2)["error"]["key"] == ""


def test_in_lan_nothing_can_be_revoked(shell: Shell) -> None:
    """The mend is a new key."""
    shell.init()
    shell.call("up")
    result = shell.call("revoke", "--name", "files.cell")
    assert result.exit_code == 2
    assert "renew them by `picdns renew --force`" in result.stderr


@pytest.mark.parametrize("words", [(), ("--name", NAME, "--reason", "boredom")])
def test_missing_name_and_unknown_reason_are_wrong_use(
    shell: Shell, words: tuple[str, ...]
) -> None:
    """Found by the option parser, which lists the reasons."""
    shell.init()
    result = shell.call("revoke", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--name" in result.stderr or "keyCompromise" in result.stderr
