"""What is seen: plain lines in a pipe, styled steps on a terminal."""

import os
import pty
import subprocess

from picdns_core.testing import FaultProxy, Hold
from tests.conftest import MakeCell

from .shell import Shell, through

ESCAPE = "\x1b"
LONG = ".".join(["l" * 30, "m" * 30, "example"])


def on_a_terminal(shell: Shell, *words: str) -> tuple[int, str]:
    """Run the command with a terminal as its standard output and error."""
    ours, theirs = pty.openpty()
    environment = {**shell.environ(), "TERM": "xterm-256color", "COLUMNS": "100"}
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        environment.pop(name, None)
    process = subprocess.Popen(
        shell.command(*words),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other side has closed
        pass
    finally:
        os.close(ours)
    return process.wait(30), seen.decode()


def test_pipe_has_plain_lines(cell: Shell) -> None:
    """No escape codes in what a script or a log gets: steps, tables, errors."""
    for words in (("up",), ("status",), ("renew", "--name", "nope")):
        done = cell.run(*words)
        assert ESCAPE not in done.stdout + done.stderr


def test_terminal_shows_styled_steps_and_the_result(cell: Shell) -> None:
    """Each step as it begins, with the name that it is about in bold."""
    code, seen = on_a_terminal(cell, "up")
    assert code == 0
    assert ESCAPE in seen
    assert f"{ESCAPE}[1mhome.cell: {ESCAPE}[0mRegistering" in seen
    assert "New certificate for files.cell" in seen


def test_terminal_shows_errors_with_their_mend(shell: Shell) -> None:
    """What happened, then what to do."""
    code, seen = on_a_terminal(shell, "up")
    assert code == 1
    assert "✗" in seen
    assert "→" in seen
    assert "picdns init" in seen.replace("\r\n", " ")


def test_json_on_a_terminal_has_no_styles(cell: Shell) -> None:
    """What is copied from there is JSON as well."""
    _, seen = on_a_terminal(cell, "status", "--json")
    assert ESCAPE not in seen


def test_long_names_are_not_cut_in_a_pipe(shell: Shell) -> None:
    """Whoever searches the output for a name finds it."""
    begin = ("init", "--cell-name", "home", "--mode", "lan")
    assert shell.call(*begin, "--domain", LONG, "--service", "files=a:1").exit_code == 0
    assert f"No certificate yet: {LONG}" in shell.run("status").stdout
    done = shell.run("up")
    assert f"{LONG}: Registering" in done.stderr.splitlines()
    assert f"New certificate for {LONG}, *.{LONG}" in done.stdout.splitlines()
    assert f"{LONG}, *.{LONG}: " in shell.run("status").stdout


def test_markup_in_a_message_is_shown_as_it_is(shell: Shell) -> None:
    """What looks like a style is text."""
    shell.config_file.parent.mkdir(parents=True)
    shell.config_file.write_text('{"domain_mode": "[bold]lan[/bold]"}')
    assert "'[bold]lan[/bold]' is not installed" in shell.call("up").stderr


def test_steps_are_shown_as_they_begin_and_a_second_process_is_told(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """While the CA thinks, the step is seen; who comes meanwhile hears who is at it."""
    hold = Hold()
    faulty.on("POST", "/order-plz", hold)
    shell = Shell(through(make_cell(caddy=False), faulty).root)
    with subprocess.Popen(
        shell.command("up"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr
        assert any("Ordering a certificate" in line for line in first.stderr)
        assert hold.arrived.wait(10)
        assert first.poll() is None
        second = shell.run("up")
        hold.released.set()
        first.stderr.read()
    assert first.returncode == 0
    assert second.returncode == 1
    assert f"✗ Busy: renewing files.home.test (process {first.pid})" in second.stderr
    assert "→ Another picdns is at it: wait for it to end and try again." in second.stderr
