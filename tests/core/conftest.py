"""Distributions that are really installed, and interpreters that really start."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest


class Install(Protocol):
    """Puts a distribution with one module and its entry points where Python finds it."""

    def __call__(self, name: str, module: str, entry_points: Mapping[str, str]) -> Path: ...


class Python(Protocol):
    """Runs code in a fresh interpreter that sees what is installed; returns the JSON it prints."""

    def __call__(self, code: str, *arguments: object) -> Any: ...


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of distributions; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Install `name` with a module of that name; entry points are `group: "name = value"`."""

    def run(name: str, module: str, entry_points: Mapping[str, str]) -> Path:
        path = site / f"{name.replace('-', '_')}.py"
        path.write_text(module)
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        text = "".join(f"[{group}]\n{entry}\n" for group, entry in entry_points.items())
        (info / "entry_points.txt").write_text(text)
        return path

    return run


@pytest.fixture
def python(site: Path) -> Python:
    """Start another interpreter, as a host would."""

    def run(code: str, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
