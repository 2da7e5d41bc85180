"""`picdns services`: what it says, in text and in JSON, and its exit codes."""

from collections.abc import Sequence

import pytest

from .shell import Shell

ADD = ("services", "add", "photos", "127.0.0.1:8081")


def test_services_are_listed(cell: Shell) -> None:
    """One a line; without any, it says how to add one."""
    assert cell.call("services").stdout == "files        127.0.0.1:8080\n"
    listed = cell.json("services")
    assert listed == {"services": [{"name": "files", "upstream": "127.0.0.1:8080"}]}
    cell.json("services", "remove", "files")
    assert "picdns services add" in cell.call("services").stdout


def test_before_up_the_config_is_written_and_that_is_said(cell: Shell) -> None:
    """Nobody is asked for a certificate."""
    done = cell.run(*ADD)
    assert (done.returncode, done.stderr) == (0, "")
    added, waiting = done.stdout.splitlines()
    assert added == ("photos.home.cell, photos.cell: added, its names lead to 127.0.0.1:8081")
    assert "`picdns up` does the rest" in waiting
    assert [one["name"] for one in cell.config()["services"]] == ["files", "photos"]
    assert not (cell.root / "data/api/picdns/certs").exists()


def test_what_was_decided_is_told_with_its_reason(cell: Shell) -> None:
    """A line for each service that has changed, and for each certificate."""
    cell.json("up")
    assert cell.call(*ADD).stdout.splitlines() == [
        "photos.home.cell, photos.cell: added, its names lead to 127.0.0.1:8081",
        "home.cell, *.home.cell: kept, its wildcard covers every service, so no CA was asked",
        "files.cell, photos.cell: issued, the names have changed",
        "The change is in use",
    ]
    assert "The services are as they were" in cell.call(*ADD).stdout
    moved = cell.json("services", "add", "photos", "127.0.0.1:8082")
    assert (moved["changed"], moved["added"], moved["removed"]) == (["photos"], [], [])
    gone = cell.json("services", "remove", "photos")
    assert (gone["removed"], gone["report"]["issued"]) == (["photos"], [["files.cell"]])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a.b", "127.0.0.1:1"), "more than one label"),
        (("add", "_acme-challenge", "127.0.0.1:1"), "not a DNS label"),
        (("add", "home", "127.0.0.1:1"), "home.cell is the cell's own domain"),
        (("add", "photos", "127.0.0.1"), "is not an upstream"),
        (("add", 64 * "a", "127.0.0.1:1"), "1 to 63 letters"),
        (("add", "xn--a", "127.0.0.1:1"), "not a valid A-label"),
        (("remove", "photos"), "photos is no service of this cell"),
        (("remove",), "Missing argument"),
    ],
)
def test_what_cannot_be_is_wrong_use(cell: Shell, words: Sequence[str], said: str) -> None:
    """Exit code 2, one clear error, and the config as it was."""
    before = cell.config_file.read_bytes()
    done = cell.call("services", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert cell.config_file.read_bytes() == before


def test_what_could_not_be_put_live_is_exit_code_1(cell: Shell) -> None:
    """The config has the service, and the message says who goes on."""
    cell.json("up")
    config = cell.config_file.read_text()
    caddy = '"picdns": {"caddy": {"admin": "127.0.0.1:1"}}, '
    cell.config_file.write_text(config.replace("{", "{" + caddy, 1))
    done = cell.call(*ADD)
    assert done.exit_code == 1
    assert "Caddy does not answer" in done.stderr
    failed = cell.json(*ADD, code=1)
    assert failed["unfinished"]["error"] == "CaddyDown"
    assert [one["name"] for one in cell.json("services")["services"]] == ["files", "photos"]
