"""What the pages show is run: commands at a terminal, and programs of a host."""

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picdns_core.testing import Caddy, LocalInternet
from picdns_core.testing.pytest_plugin import CaddyFactory
from tests.cli.shell import Shell

from . import pages

DOMAIN = "home.example.org"
CONSOLE = [page for page in map(pages.named, pages.PAGES) if pages.blocks(page, "console")]


@pytest.fixture(scope="module")
def internet(local_internet: LocalInternet) -> LocalInternet:
    """The local internet, on which the domain of the examples leads to this machine."""
    local_internet.zone(DOMAIN)
    return local_internet


def at_home_here(config: dict[str, Any], net: LocalInternet, caddy: Caddy | None) -> None:
    """Let a config use the CA and the ports that there are."""
    ours = config.setdefault("picdns", {})
    ours |= net.settings()
    if caddy:
        ours["caddy"] = {
            "admin": caddy.admin,
            "http_port": caddy.http_port,
            "https_port": caddy.https_port,
        }


def commands(page: str) -> Iterator[list[str]]:
    """Find the commands of a page that are to be run, without their redirections."""
    for block in pages.blocks(page, "console"):
        if block.note.startswith("not run"):
            continue
        for line in block.text.splitlines():
            words = shlex.split(line)
            if words[:2] == ["$", "picdns"]:
                yield words[2 : words.index(">") if ">" in words else None]


@pytest.mark.parametrize("page", CONSOLE)
def test_commands_succeed(
    page: str, internet: LocalInternet, caddy: CaddyFactory, shell: Shell
) -> None:
    """As they stand there, one after the other; the CA and the ports are those of this machine."""
    server: Caddy | None = None
    for words in commands(page):
        if words[0] != "init":
            config = shell.config()
            if config.get("picdns", {}).get("caddy") is not None and server is None:
                server = caddy(shell.root / "config/caddy/Caddyfile")
            at_home_here(config, internet, server)
            shell.config_file.write_text(json.dumps(config))
        if words == ["run"]:
            run_until_looked_after(shell)
            continue
        result = shell.call(*words)
        assert result.exit_code == 0, f"picdns {shlex.join(words)}\n{result.output}"
    if server:
        for one in shell.json("status")["certificates"]:
            assert one["served"] == one["serial"]


def run_until_looked_after(shell: Shell) -> None:
    """Run `picdns run`, and end it once the heartbeat has had its first look."""
    looked = shell.root / "data/api/picdns/schedule/tick-certificates.json"
    looked.unlink(missing_ok=True)
    deadline = time.monotonic() + 30
    with subprocess.Popen(shell.command("run"), stderr=subprocess.PIPE, text=True) as process:
        while not looked.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert looked.exists(), said


@pytest.fixture
def observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The observer of the page, installed as the page says."""
    [module] = [one for one in pages.blocks("docs/host.md", "python") if "@hookimpl" in one.text]
    info = tmp_path / "site/pic_observer-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site/pic_observer.py").write_text(module.text)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pic-observer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[picdns.observers]\npic_observer = pic_observer\n")
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.mark.usefixtures("observer")
def test_programs_of_a_host_run(
    internet: LocalInternet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example, in one cell; the observer hears of what they do."""
    root = tmp_path / "cell"
    for page in ("docs/host.md", "README.md"):
        for block in pages.blocks(page, "python"):
            if block.note == "with a CA":
                file = root / "config/api/cell_config.json"
                config = json.loads(file.read_text())
                at_home_here(config, internet, None)
                file.write_text(json.dumps(config))
            program = block.text.replace(pages.ROOT, str(root))
            names: dict[str, Any] = {"__name__": "example"}
            exec(compile(program, f"{page}: {block.heading}", "exec"), names)
            if "heartbeat" in names:
                names["heartbeat"].stop()
            said = capsys.readouterr().out
            assert "Failed" not in said
            assert "ChallengeFailed" not in said
            if block.heading == "The first call" and "Runner" in block.text:
                assert "New certificate for home.cell, *.home.cell" in said
                assert f"Live: files.cell {root}/data/api/picdns/certs/internal" in said
            if block.note == "with a CA":
                assert f"Live: files.{DOMAIN} {root}" in said
