"""The command as a process of its own, and within this one where many calls are wanted."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from picdns_core.cli.commands import picdns
from picdns_core.testing import FaultProxy
from tests.conftest import Cell


@dataclass
class Shell:
    """A directory, and `picdns` run there; `environment` is added to ours."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        return self.root / "config/api/cell_config.json"

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self.config_file.read_text())
        return config

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "picdns_core.cli", "--root", str(self.root), *words]

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command to its end, in pipes, as a script does."""
        return subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.environ(),
        )

    def environ(self) -> Mapping[str, str]:
        return {**os.environ, **self.environment}

    def call(self, *words: str, stdin: str | None = None) -> Result:
        """Run the command within this process; what it raises but an exit is raised here."""
        result = CliRunner().invoke(
            picdns, ["--root", str(self.root), *words], input=stdin, env=self.environment
        )
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        """Run the command with --json; its standard output is JSON and nothing else."""
        result = self.call(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def init(self, *words: str) -> Result:
        """Configure a lan cell with one service."""
        begin = ("init", "--cell-name", "home", "--mode", "lan")
        result = self.call(*begin, "--service", "files=127.0.0.1:8080", *words)
        assert result.exit_code == 0, result.output
        return result


def through(cell: Cell, proxy: FaultProxy) -> Cell:
    """Let the cell ask its CA through the proxy."""
    acme = {
        "directory": proxy.proxied(cell.net.pebble.directory),
        "ca_bundle": str(cell.net.authority.bundle),
    }
    cell.set(picdns={"acme": acme})
    return cell
