"""`picdns switch` and `picdns release` at the terminal."""

from pathlib import Path

from .shell import Shell


def _up(shell: Shell) -> None:
    assert shell.call("up").exit_code == 0


def test_plan_is_readable_and_writes_nothing(cell: Shell) -> None:
    """One thing a line; as JSON with all of it."""
    _up(cell)
    before = cell.config_file.read_bytes()
    said = cell.call("switch", "lan", "--domain", "haus.cell", "--plan").stdout
    assert "From home.cell in mode lan" in said
    assert "get a certificate for haus.cell, *.haus.cell, by the cell's own CA" in said
    plan = cell.json("switch", "lan", "--domain", "haus.cell", "--plan")
    assert (plan["domain"], plan["releases"], plan["keeps"]) == ("haus.cell", None, None)
    assert cell.config_file.read_bytes() == before


def test_cell_is_moved_and_says_what_was_done(cell: Shell) -> None:
    """A second time there is nothing to do."""
    _up(cell)
    said = cell.call("switch", "lan", "--cell-name", "haus", "--domain", "haus.cell")
    assert said.exit_code == 0, said.output
    assert "The cell is haus.cell in mode lan" in said.stdout
    assert cell.config()["domain_name"] == "haus.cell"
    again = cell.call("switch", "lan")
    assert "already: nothing was changed" in again.stdout


def test_secret_comes_from_a_file_and_is_shown_nowhere(
    cell: Shell, demo_mode: None, tmp_path: Path
) -> None:
    """As with `picdns init`."""
    _up(cell)
    file = tmp_path / "token"
    file.write_text("a-token-of-some-length\n")
    words = ("switch", "demo", "--domain", "home.example.org", "-s", "ttl=30")
    missing = cell.call(*words)
    assert missing.exit_code == 2
    assert "--secret token=@FILE" in missing.stderr
    done = cell.call(*words, "--secret", f"token=@{file}")
    assert done.exit_code == 0, done.output
    assert "a-token" not in done.output
    assert cell.config()["ddns"] == {"ttl": 30}


def test_wrong_use_is_told_and_changes_nothing(cell: Shell) -> None:
    """A mode that is not there, and a setting that the mode has not."""
    _up(cell)
    before = cell.config_file.read_bytes()
    assert cell.call("switch", "sheep").exit_code == 2
    assert cell.call("switch", "lan", "-s", "wool=3").exit_code == 2
    assert cell.call("release", "lan").exit_code == 2
    assert cell.config_file.read_bytes() == before


def test_release_says_when_there_is_nothing(cell: Shell) -> None:
    """In a mode that the cell was never in."""
    _up(cell)
    assert "There was nothing to give back" in cell.call("release", "pic_ngo").stdout
    assert cell.json("release", "pic_ngo") == {"released": []}
