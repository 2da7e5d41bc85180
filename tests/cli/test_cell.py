"""`up`, `status`, `renew`, `teardown`: what they say in text and in JSON."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from picdns_core import installed_modes
from picdns_core.testing import Answer, FaultProxy
from tests.conftest import MakeCell
from tests.runner.test_dns_modes import without_soa

from .shell import Shell, through

CERTIFICATE = {
    "names",
    "issuer",
    "serial",
    "not_before",
    "not_after",
    "days_remaining",
    "renew_at",
    "why",
    "explanation_url",
    "path",
    "served",
}
STATUS = {
    "mode",
    "domain",
    "registered",
    "certificates",
    "missing",
    "addresses",
    "heartbeat",
    "waiting",
    "switching",
    "held",
    "looked_at",
    "problems",
    "last_error",
    "differences",
}
PUBLIC = "192.0.2.7"
FAILURE = {"subject", "since", "at", "error", "message", "hint", "count", "retry_at"}


def test_up_shows_steps_as_they_begin_and_what_is_new(cell: Shell) -> None:
    """Steps go to standard error, the result to standard output."""
    done = cell.run("up")
    assert done.returncode == 0
    assert "home.cell: Registering" in done.stderr
    assert "internal: Getting a certificate: there is none yet" in done.stderr
    assert "New certificate for home.cell, *.home.cell" in done.stdout.splitlines()
    assert "New certificate for files.cell" in done.stdout.splitlines()


def test_up_twice_changes_nothing(cell: Shell) -> None:
    """And says so, without a step."""
    first = cell.json("up")
    assert first["issued"] == [["home.cell", "*.home.cell"], ["files.cell"]]
    assert first["failed"] == []
    nothing: dict[str, Any] = {"issued": [], "deployed": False, "failed": [], "addresses": []}
    assert cell.json("up") == nothing
    again = cell.call("up")
    assert again.stdout == "Nothing to do: all certificates are good and in use\n"
    assert again.stderr == ""


def test_status_json_has_every_field(cell: Shell) -> None:
    """What a dashboard or a script relies on."""
    cell.call("up")
    status = cell.json("status")
    assert status.keys() == STATUS
    assert (status["mode"], status["domain"]) == ("lan", "home.cell")
    assert status["registered"] is True
    assert status["missing"] == []
    assert status["addresses"] is None
    assert status["heartbeat"] == {"addresses": None, "certificates": None}
    assert (status["waiting"], status["problems"], status["last_error"]) == (None, [], None)
    assert (status["switching"], status["held"], status["differences"]) == (None, [], [])
    wildcard, internal = status["certificates"]
    assert wildcard.keys() == internal.keys() == CERTIFICATE
    assert wildcard["names"] == ["home.cell", "*.home.cell"]
    assert wildcard["served"] is None
    assert wildcard["path"].endswith("/certs/home.cell/current/fullchain.pem")
    not_after = datetime.fromisoformat(wildcard["not_after"])
    assert not_after - datetime.now(UTC) > timedelta(days=89)
    assert datetime.fromisoformat(wildcard["renew_at"]) < not_after
    assert (wildcard["why"], wildcard["explanation_url"]) == ("its time has come", None)
    assert wildcard["days_remaining"] == 89


def test_status_before_up_names_what_is_missing(cell: Shell) -> None:
    """And what to do; it is no failure."""
    result = cell.call("status")
    assert result.exit_code == 0
    assert "not registered yet: run `picdns up`" in result.stdout
    assert "No certificate yet: home.cell, *.home.cell, files.cell" in result.stdout
    assert cell.json("status")["missing"] == ["home.cell", "*.home.cell", "files.cell"]


def test_renew_takes_what_is_due_or_what_is_forced(cell: Shell) -> None:
    """Nothing is due after `up`; --force limits to nothing, --name to one certificate."""
    cell.call("up")
    assert cell.json("renew")["issued"] == []
    assert cell.json("renew", "--name", "files.cell")["issued"] == []
    assert cell.json("renew", "--force", "--name", "files.cell")["issued"] == [["files.cell"]]
    both = [["home.cell", "*.home.cell"], ["files.cell"]]
    assert cell.json("renew", "--force")["issued"] == both


def test_renew_of_an_unknown_name_lists_the_known(cell: Shell) -> None:
    """Exit code 1, and what names there are."""
    result = cell.call("renew", "--name", "mail.example")
    assert result.exit_code == 1
    assert "home.cell, *.home.cell, files.cell" in result.stderr


def test_teardown_gives_the_name_back_once(cell: Shell) -> None:
    """Certificates stay; `up` takes the name again."""
    cell.call("up")
    assert cell.json("teardown") == {"released": True}
    assert cell.json("teardown") == {"released": False}
    assert "There was nothing to give back." in cell.call("teardown").stdout
    status = cell.json("status")
    assert (status["registered"], len(status["certificates"])) == (False, 2)
    assert cell.json("up")["issued"] == []
    assert cell.json("status")["registered"] is True


def test_caddy_that_is_down_is_exit_code_1_and_a_problem(cell: Shell) -> None:
    """The error is said, kept, and shown by `status` until `up` succeeds."""
    cell.init("--set", "picdns.caddy.admin=127.0.0.1:1")
    result = cell.call("up")
    assert result.exit_code == 1
    assert "Caddy does not answer at http://127.0.0.1:1" in result.stderr
    assert "Start Caddy" in cell.json("up", code=1)["error"]["hint"]
    shown = cell.call("status")
    assert shown.exit_code == 0
    assert "✗ Caddy does not answer at http://127.0.0.1:1" in shown.stderr
    assert re.search(r"\(since \d{4}-\d\d-\d\d \d\d:\d\d UTC, 2 times\)", shown.stderr)
    status = cell.json("status")
    [problem] = status["problems"]
    assert problem == status["last_error"]
    assert problem.keys() == FAILURE
    assert (problem["subject"], problem["count"]) == ("cell", 2)
    assert problem["since"] < problem["at"]
    cell.init("--set", "picdns.caddy=null")
    cell.call("up")
    status = cell.json("status")
    assert (status["problems"], status["last_error"]) == ([], None)


def test_what_the_config_asks_for_waits_for_up_and_is_said(cell: Shell) -> None:
    """Until then the cell is what it was; afterwards nothing waits."""
    cell.call("up")
    cell.init("--domain", "house.cell")
    status = cell.json("status")
    assert status["domain"] == "home.cell"
    assert "The config asks for house.cell in mode lan" in status["waiting"]
    assert "Run `picdns up` to change it." in cell.call("status").stdout
    cell.call("up")
    status = cell.json("status")
    assert (status["domain"], status["waiting"]) == ("house.cell", None)


def test_addresses_are_published_by_up_and_said(make_cell: MakeCell) -> None:
    """In a mode that publishes them: what was done and why, and what stands there since when."""
    made = make_cell("cloudflare", caddy=False)
    shell = Shell(made.root)
    assert shell.call("status").stdout.count("No address is published yet") == 1
    address = {"ipv4": PUBLIC, "ipv6": "off", "also_global": [f"{PUBLIC}/32"]}
    made.set(picdns={"address": address})
    said = shell.call("up").stdout
    assert f"Published {PUBLIC}: nothing was known there yet" in said.splitlines()
    assert shell.json("up")["addresses"] == []
    published = shell.json("status")["addresses"]
    assert published["confirmed"] == {"ipv4": PUBLIC, "ipv6": None}
    assert published["sent"] is None
    shown = shell.call("status").stdout
    assert re.search(rf"Published since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC: {PUBLIC}\n", shown)


def test_one_certificate_that_fails_is_exit_code_1_and_the_others_are_had(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """What was had is told as well as what was not, in text and in JSON."""
    rule = faulty.on("POST", "/order-plz", Answer(503))
    shell = Shell(through(make_cell(caddy=False), faulty).root)
    done = shell.run("up")
    assert done.returncode == 1
    assert "New certificate for files.cell" in done.stdout
    assert done.stderr.count("✗") == 1
    report = json.loads(shell.run("up", "--json").stdout)
    assert report["issued"] == []
    [failed] = report["failed"]
    assert failed.keys() == {"names", "error", "message", "hint"}
    assert failed["names"] == ["files.home.test"]
    faulty.faults.remove(rule)
    done = shell.run("up", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["issued"] == [["files.home.test"]]


@pytest.mark.parametrize("mode", sorted(installed_modes()))
def test_whole_life_of_a_cell_at_a_terminal(make_cell: MakeCell, mode: str, tmp_path: Path) -> None:
    """From an empty directory to the end: what is served is what status says, with a real Caddy."""
    made = make_cell(mode)
    before = without_soa(made) if made.account else {}
    options = _as_options(made.config(), tmp_path)
    made.config_file.unlink()
    shell = Shell(made.root)
    for words in (("init", *options), ("up",), ("renew", "--force")):
        done = shell.run(*words)
        assert (words[0], done.returncode) == (words[0], 0), done.stderr
    status = json.loads(shell.run("status", "--json").stdout)
    assert [one["served"] for one in status["certificates"]] == [
        one["serial"] for one in status["certificates"]
    ]
    assert (status["missing"], status["last_error"]) == ([], None)
    assert made.get(f"files.{status['domain']}").status == 200
    assert shell.run("teardown").returncode == 0
    if made.account:
        assert without_soa(made) == before


def _as_options(config: dict[str, Any], folder: Path) -> list[str]:
    """Say a config in the words of `picdns init`; secrets come from files."""
    words = ["--cell-name", config["cell_name"], "--mode", config["domain_mode"]]
    if domain := config.get("domain_name"):
        words += ["--domain", domain]
    for service in config["services"]:
        words += ["--service", f"{service['name']}={service['upstream']}"]
    for key, value in config.get("ddns", {}).items():
        if key in ("token", "totp_secret"):
            (folder / key).write_text(value)
            words += ["--secret", f"{key}=@{folder / key}"]
        else:
            words += ["--set", f"{key}={value}"]
    for section, settings in config["picdns"].items():
        words += ["--set", f"picdns.{section}={json.dumps(settings)}"]
    return words
