"""How the programs of the servers are found, and what is said of a missing one."""

import subprocess
import sys
from pathlib import Path

import pytest

from picdns_core.testing import LocalInternet, ServerMissing
from picdns_core.testing.programs import HOW_TO_GET, find

CHECK = """
def test_needs_it(local_internet):
    pass

def test_needs_nothing():
    pass
"""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment in which no server is, and an empty directory in PICDNS_SERVERS."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PICDNS_SERVERS", str(tmp_path))
    for name in ("GOBIN", "GOPATH", *(f"PICDNS_{program.upper()}" for program in HOW_TO_GET)):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def program(path: Path) -> Path:
    """Make something that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_a_missing_server_is_told_with_the_command_that_gets_it(bare: Path) -> None:
    """Who lacks a server reads which one, and what to type."""
    assert bare.is_dir()
    with pytest.raises(ServerMissing, match=r"pebble.*go install .*/pebble@v2.*apt-get") as told:
        find("pebble")
    assert "PICDNS_PEBBLE" in str(told.value)


def test_the_directory_of_servers_comes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a checkout has brought along is taken rather than what the machine has."""
    monkeypatch.setenv("PATH", str(program(bare / "elsewhere" / "knotd").parent))
    assert find("knotd") == bare / "elsewhere" / "knotd"
    program(bare / "bin" / "knotd")
    assert find("knotd") == bare / "bin" / "knotd"


def test_the_environment_can_name_a_program(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An override wins, and is an error of its own when it is wrong."""
    monkeypatch.setenv("PICDNS_UNBOUND", str(program(bare / "my-unbound")))
    assert find("unbound") == bare / "my-unbound"
    monkeypatch.setenv("PICDNS_UNBOUND", str(bare / "nothing"))
    with pytest.raises(ServerMissing, match="PICDNS_UNBOUND names"):
        find("unbound")


def test_go_programs_are_found_where_go_puts_them(bare: Path) -> None:
    """Pebble is found after `go install`, whose directory is rarely on PATH."""
    pebble = program(bare / "go" / "bin" / "pebble")
    assert find("pebble") == pebble


def test_a_missing_server_leaves_nothing_behind(
    local_internet: LocalInternet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start for which a program is missing fails before anything else happens."""
    monkeypatch.setenv("PICDNS_PEBBLE", "/nonexistent")
    before = set(local_internet.home.iterdir())
    with pytest.raises(ServerMissing):
        local_internet.new_pebble()
    assert set(local_internet.home.iterdir()) == before


@pytest.mark.parametrize(("demanded", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_tests_without_a_server_are_skipped_unless_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demanded: str, outcome: str
) -> None:
    """Elsewhere a missing server is a reason to skip, in CI to fail; it is named either way."""
    (tmp_path / "test_check.py").write_text(CHECK)
    monkeypatch.setenv("PICDNS_PEBBLE", "/nonexistent")
    monkeypatch.setenv("PICDNS_DEMAND_SERVERS", demanded)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert outcome in run.stdout
    assert "1 passed" in run.stdout
    assert "PICDNS_PEBBLE names /nonexistent" in run.stdout


def test_the_plugin_costs_nothing_until_it_is_used() -> None:
    """Loading the fixtures imports nothing of what they need."""
    script = "import sys, picdns_core.testing.pytest_plugin as _\nprint(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert not {"picdns_core.testing.internet", "dns", "trustme", "http.server"} & set(imported)
