"""`picdns doctor` and `picdns support-bundle`: lines, JSON, exit codes, and the archive's mode."""

import tarfile
from pathlib import Path

from tests.conftest import MakeCell

from .shell import Shell


def test_one_line_where_nothing_is_wrong(make_cell: MakeCell) -> None:
    """With --all what was looked at, with --json all of it."""
    made = make_cell("lan")
    shell = Shell(made.root)
    shell.call("up")
    result = shell.call("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["Nothing is wrong, as far as 6 checks can tell"]
    shown = shell.call("doctor", "--all").stdout.splitlines()
    assert "✓ cell         home.cell is up in mode lan" in shown
    checks = shell.json("doctor")["checks"]
    assert {tuple(one) for one in checks} == {("name", "ok", "finding", "evidence", "mend")}
    assert all(one["ok"] for one in checks)


def test_what_is_wrong_has_its_mend_below(make_cell: MakeCell) -> None:
    """Exit code 1, and nothing of what is well."""
    made = make_cell("lan")
    shell = Shell(made.root)
    shell.call("up")
    assert made.caddy
    made.caddy.stop()
    result = shell.call("doctor")
    assert result.exit_code == 1
    first, evidence, mend = result.stdout.splitlines()
    assert first.startswith("✗ caddy        Caddy does not answer at http://")
    assert evidence.strip() == "(CaddyDown)"
    assert mend.strip() == "→ Start Caddy, or correct picdns.caddy.admin; then run `picdns up`."
    assert [one["name"] for one in shell.json("doctor", code=1)["checks"] if not one["ok"]] == [
        "caddy"
    ]


def test_without_a_config_it_says_so(shell: Shell) -> None:
    """As a finding, not as an error."""
    result = shell.call("doctor")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("✗ config")


def test_the_archive_is_for_its_owner_alone(cell: Shell, tmp_path: Path) -> None:
    """What is there already is left alone."""
    path = tmp_path / "for-a-helper.tar.gz"
    result = cell.call("support-bundle", str(path))
    assert (result.exit_code, path.stat().st_mode & 0o777) == (0, 0o600)
    assert str(path) in result.stdout
    with tarfile.open(path) as archive:
        assert "picdns-support/doctor.json" in archive.getnames()
    before = path.read_bytes()
    result = cell.call("support-bundle", str(path))
    assert result.exit_code == 1
    assert "cannot be written: File exists" in result.stderr
    assert path.read_bytes() == before
