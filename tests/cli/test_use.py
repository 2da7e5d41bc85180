"""How the command is used: what it offers, and what it says to wrong use and broken configs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from picdns_core import installed_modes

from .shell import Shell

COMMANDS = [
    "adopt",
    "ca",
    "doctor",
    "explain",
    "init",
    "modes",
    "rehearse",
    "release",
    "renew",
    "revoke",
    "run",
    "serve",
    "services",
    "status",
    "support-bundle",
    "switch",
    "teardown",
    "up",
]
OF_A_CELL = (("up",), ("status",), ("renew",), ("ca",), ("teardown",))
WITHOUT_CLICK = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "click":
            raise ModuleNotFoundError("No module named 'click'", name="click")

sys.meta_path.insert(0, Hidden())
from picdns_core.cli import main
main()
"""


def test_help_lists_every_command_and_the_exit_codes(shell: Shell) -> None:
    """What a person sees who knows nothing."""
    done = shell.run("--help")
    assert done.returncode == 0
    lines = done.stdout.partition("Commands:")[2].splitlines()[1:]
    listed = [line.split()[0] for line in lines if not line.startswith("   ")]
    assert listed == COMMANDS
    assert "2 wrong use" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_json(shell: Shell, name: str) -> None:
    """`-h` and `--help`, each with the options that there are."""
    assert "--json" in shell.call(name, "-h").stdout
    assert shell.call(name, "--help").exit_code == 0


def test_version_is_the_distribution_s(shell: Shell) -> None:
    """`--version` answers without any config."""
    assert "0.1.0" in shell.run("--version").stdout


def test_modes_are_listed_without_any_cell(shell: Shell) -> None:
    """Each with its title, in text and in JSON."""
    text = shell.run("modes")
    assert text.returncode == 0
    assert [line.split()[0] for line in text.stdout.splitlines()] == list(installed_modes())
    found = {one["name"]: one for one in shell.json("modes")["modes"]}
    assert found["lan"]["distribution"] == "picdns-lan"
    assert found["http01"]["error"] is None
    assert not shell.root.exists()


def test_mode_that_cannot_be_imported_is_listed_with_its_error(
    shell: Shell, demo_mode: None, tmp_path: Path
) -> None:
    """A broken distribution hides none of the others."""
    (tmp_path / "site/picdns_demo_mode.py").write_text("import nothing_of_this_name\n")
    found = {one["name"]: one for one in shell.json("modes")["modes"]}
    assert found["demo"]["title"] is None
    assert "picdns-demo" in found["demo"]["error"]
    assert found["lan"]["error"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("up", "--nothing"),
        ("ca", "--format", "p12"),
        ("renew", "--name"),
        ("init",),
        ("--root",),
    ],
)
def test_wrong_use_is_exit_code_2(shell: Shell, words: tuple[str, ...]) -> None:
    """Said on standard error; standard output stays empty."""
    result = shell.call(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_root_that_is_a_file_is_wrong_use(shell: Shell) -> None:
    """It names the file."""
    shell.root.write_text("")
    result = shell.call("up")
    assert result.exit_code == 2
    assert "is a file" in result.stderr


def test_root_comes_from_the_environment_too(cell: Shell) -> None:
    """`$PICDNS_ROOT`, where --root is not given."""
    done = subprocess.run(
        [sys.executable, "-m", "picdns_core.cli", "status", "--json"],
        env={**cell.environ(), "PICDNS_ROOT": str(cell.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["domain"] == "home.cell"


@pytest.mark.parametrize("words", OF_A_CELL)
def test_without_a_config_the_first_step_is_named(shell: Shell, words: tuple[str, ...]) -> None:
    """One error, exit code 1, and nothing is made."""
    result = shell.call(*words)
    assert result.exit_code == 1
    assert "does not exist" in result.stderr
    assert "picdns init" in result.stderr
    assert not shell.root.exists()


BROKEN = {
    "{": "is not JSON",
    "[]": "is not a JSON object",
    "{}": "domain_mode: is missing",
    '{"domain_mode": 3}': "domain_mode: expected text",
    '{"domain_mode": "nope"}': "'nope' is not installed",
    '{"domain_mode": "lan"}': "cell_name: is missing",
    '{"domain_mode": "lan", "cell_name": "a b"}': "cell_name: 'a b' is not a DNS label",
    '{"domain_mode": "lan", "cell_name": "a", "services": 1}': "services: expected a list",
    '{"domain_mode": "lan", "cell_name": "a", "picdns": {"acme": {"mail": 1}}}': "picdns.acme.mail",
    '{"domain_mode": "http01", "cell_name": "a"}': "domain_name: is missing",
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items())
@pytest.mark.parametrize("words", OF_A_CELL)
def test_broken_config_is_one_error(
    shell: Shell, text: str, said: str, words: tuple[str, ...]
) -> None:
    """It names the key and the mend; exit code 1; no traceback; nothing is written."""
    shell.config_file.parent.mkdir(parents=True)
    shell.config_file.write_text(text)
    result = shell.call(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("✗") == 1
    assert "→" in result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert shell.config_file.read_text() == text
    assert not (shell.root / "data").exists()


def test_error_with_json_is_json_on_standard_output(shell: Shell) -> None:
    """The type, the message, the hint and the key; for people it is on standard error as well."""
    shell.config_file.parent.mkdir(parents=True)
    shell.config_file.write_text('{"domain_mode": "lan", "cell_name": "-"}')
    for words in OF_A_CELL:
        error = shell.json(*words, code=1)["error"]
        assert error.keys() == {"type", "message", "hint", "key"}
        assert (error["type"], error["key"]) == ("ConfigError", "cell_name")


def test_missing_click_is_said_with_the_mend() -> None:
    """The library alone is installed: one line that says what to install, no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLICK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "picdns needs click: pip install 'picdns-core[cli]'\n"
