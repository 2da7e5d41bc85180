"""`picdns explain NAME`: as a list and as JSON, with an exit code."""

from tests.conftest import MakeCell

from .shell import Shell


def test_each_finding_is_a_line_with_its_mend_below(make_cell: MakeCell) -> None:
    """Exit code 1 while anything is wrong, 0 after."""
    made = make_cell("lan")
    shell = Shell(made.root)
    result = shell.call("explain", "files")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "✓ name     files.home.cell is the service files of this cell, in mode lan"
    at = lines.index("✗ served   There is no certificate for files.home.cell yet")
    assert lines[at + 1] == "           → Run `picdns up`."
    shell.call("up")
    result = shell.call("explain", "files")
    assert (result.exit_code, "✗" in result.stdout, result.stderr) == (0, False, "")


def test_json_has_every_field(make_cell: MakeCell) -> None:
    """What a dashboard or a script relies on."""
    shell = Shell(make_cell("lan", caddy=False).root)
    shell.call("up")
    trace = shell.json("explain", "files.cell")
    assert trace.keys() == {"asked", "name", "kind", "service", "well", "legs"}
    assert (trace["asked"], trace["kind"], trace["well"]) == ("files.cell", "internal", True)
    for leg in trace["legs"]:
        assert leg.keys() == {"part", "state", "text", "hint", "facts"}
    assert shell.json("explain", "nope", code=1)["well"] is False


def test_what_is_no_name_is_wrong_use(cell: Shell) -> None:
    """Exit code 2, with what can be given."""
    result = cell.call("explain", "no name")
    assert result.exit_code == 2
    assert "There is no such name" in result.stderr
    assert "Give a service's short name" in result.stderr


def test_differences_are_said_by_status(make_cell: MakeCell) -> None:
    """In text with what to do, and in JSON with what was found."""
    made = make_cell("lan")
    shell = Shell(made.root)
    shell.call("up")
    assert made.caddy
    made.caddy.stop()
    result = shell.call("status")
    assert result.exit_code == 0
    assert "✗ Nothing answers with a certificate for home.cell" in result.stderr
    assert "→ Start Caddy" in result.stderr
    first, *_ = shell.json("status")["differences"]
    assert first.keys() == {"where", "name", "expected", "found", "message", "hint"}
    assert (first["where"], first["name"], first["found"]) == ("served", "home.cell", [])
