"""Observers hear what happened, once it is so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from picdns_core.testing import Cut, LocalInternet
from tests.conftest import Cell, MakeCell

_OBSERVER = """
import json, os, urllib.request
from picdns_core import hookimpl

def _tell(event):
    said = {"event": type(event).__name__, "mode": event.cell.mode, "whole": repr(event)}
    for name in ("names", "error", "serial"):
        if hasattr(event, name):
            said[name] = getattr(event, name)
    if hasattr(event, "files"):
        said["exists"] = os.path.exists(event.files.privkey)
    with open(os.environ["HEARD"], "a") as file:
        file.write(json.dumps(said) + "\\n")

@hookimpl
def registered(event): _tell(event)

@hookimpl
def cert_issued(event): _tell(event)

@hookimpl
def cert_failed(event): _tell(event)
"""


def heard(cell: Cell, folder: Path) -> list[dict[str, Any]]:
    """Run `up` where an observer is installed; return what that was told."""
    installed = folder / "site"
    about = installed / "watcher-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (installed / "watcher.py").write_text(_OBSERVER)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: watcher\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[picdns.observers]\nwatcher = watcher\n")
    log = folder / "heard"
    log.write_text("")
    environment = os.environ | {"PYTHONPATH": str(installed), "HEARD": str(log)}
    command = [sys.executable, "-m", "picdns_core.cli", "--root", str(cell.root), "up"]
    subprocess.run(command, env=environment, check=False, capture_output=True)
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_registration_and_each_new_certificate_are_told_once(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    """When they are on disk and served; a second `up` has nothing to tell."""
    cell = make_cell()
    first = heard(cell, tmp_path)
    assert [one["event"] for one in first] == ["Registered", "CertIssued", "CertIssued"]
    assert [one["names"] for one in first[1:]] == [["files.home.test"], ["files.cell"]]
    assert all(one["exists"] for one in first[1:])
    assert first[1]["serial"] == cell.certificate("files.home.test").serial
    assert heard(cell, tmp_path) == []


def test_failure_is_told_with_its_cause(
    make_cell: MakeCell, tmp_path: Path, local_internet: LocalInternet
) -> None:
    """Beside the certificates that could be had."""
    local_internet.zone("home.test").set("unknown", "TXT", "no address here")
    events = heard(make_cell(services=("files", "unknown")), tmp_path)
    failed = [one for one in events if one["event"] == "CertFailed"]
    assert [one["names"] for one in failed] == [["unknown.home.test"]]
    assert "could not verify unknown.home.test" in failed[0]["error"]


def test_certificate_that_was_not_served_is_told_once_it_is(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    """With Caddy down nothing is told; the `up` that finds it again tells."""
    cell = make_cell("lan")
    assert cell.caddy
    cell.caddy.stop()
    assert [one["event"] for one in heard(cell, tmp_path)] == ["Registered"]
    cell.caddy.start()
    assert [one["event"] for one in heard(cell, tmp_path)] == ["CertIssued", "CertIssued"]


def test_no_event_tells_the_token_that_is_in_the_url(make_cell: MakeCell, tmp_path: Path) -> None:
    """Of DuckDNS; neither when all is well nor when its answer fails in the middle of an order."""
    cell = make_cell("duckdns", caddy=False)
    assert cell.account
    token = cell.account.ddns["token"]
    well = heard(cell, tmp_path)
    shutil.rmtree(cell.base / "certs")
    cell.account.service.on("GET", "txt=", Cut())
    failed = heard(cell, tmp_path)
    assert [one["event"] for one in well] == ["Registered", "CertIssued", "CertIssued"]
    assert "CertFailed" in [one["event"] for one in failed]
    assert token not in json.dumps(well + failed)
