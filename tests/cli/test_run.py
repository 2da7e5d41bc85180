"""`picdns run`: the heartbeat as a process of its own, from its start to SIGTERM."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest

from picdns_core.testing import Cut, FaultProxy
from tests.conftest import MakeCell

from .shell import Shell, through

QUICK = """
import sys
from datetime import timedelta
from picdns_core import backoff, heartbeat
backoff._SOON = backoff._LATER = heartbeat._EVERY = timedelta(seconds=0.3)
from picdns_core.cli import main
main()
"""
"""The command with pauses of a moment, in place of minutes; all else is as it is."""


class Running:
    """A process that runs `picdns run`; what it prints is collected line by line."""

    def __init__(self, shell: Shell, *words: str, quick: bool = False) -> None:
        command = shell.command("run", *words)
        if quick:
            command[1:3] = ["-c", QUICK]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**shell.environ(), "PYTHONUNBUFFERED": "1"},
        )
        self.out: list[str] = []
        self.err: list[str] = []
        pipes = ((self.process.stdout, self.out), (self.process.stderr, self.err))
        self._readers = [threading.Thread(target=_collect, args=pair) for pair in pipes]
        for reader in self._readers:
            reader.start()

    def wait_for(self, condition: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code; it must end soon."""
        self.process.send_signal(number)
        try:
            return self.process.wait(10)
        finally:
            self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for reader in self._readers:
            reader.join(10)

    @property
    def said(self) -> str:
        return "".join([*self.out, *self.err])

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out if line.startswith('{"')]


def _collect(pipe: IO[str] | None, lines: list[str]) -> None:
    if pipe:
        with pipe:
            lines.extend(pipe)


Run = Callable[..., Running]


@pytest.fixture
def run() -> Iterator[Run]:
    """Start `picdns run` here; what still runs at the end is killed."""
    started: list[Running] = []

    def start(shell: Shell, *words: str, quick: bool = False) -> Running:
        started.append(Running(shell, *words, quick=quick))
        return started[-1]

    yield start
    for one in started:
        one.close()


def looked(shell: Shell) -> bool:
    """Say whether there was a look at the certificates."""
    return (shell.root / "data/api/picdns/schedule/tick-certificates.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_cell_is_brought_up_and_kept_until_a_signal(
    cell: Shell, run: Run, number: signal.Signals
) -> None:
    """It says what it did, and nothing when there is nothing to do; it ends with 0."""
    running = run(cell)
    running.wait_for(lambda: looked(cell))
    assert running.end(number) == 0
    assert running.out == [
        "New certificate for home.cell, *.home.cell\n",
        "New certificate for files.cell\n",
        "The newest certificates are in use\n",
    ]
    assert "Traceback" not in running.said
    assert cell.json("status")["heartbeat"]["certificates"]["problems"] == []
    assert cell.json("up")["issued"] == []


def test_new_service_has_its_certificate_at_the_next_look(cell: Shell, run: Run) -> None:
    """Without any command: the config is read each time, and what was done is told with why."""
    running = run(cell, quick=True)
    running.wait_for(lambda: looked(cell))
    cell.init("--service", "photos=127.0.0.1:8081")
    running.wait_for(lambda: "the names have changed" in running.said)
    assert running.end() == 0
    [told] = [line for line in running.out if "the names have changed" in line]
    assert "UTC New certificate for files.cell, photos.cell: the names have changed" in told
    assert cell.json("status")["missing"] == []


def test_each_look_is_a_line_of_json(cell: Shell, run: Run) -> None:
    """Also when nothing was to be done; standard output has nothing else."""
    cell.call("up")
    running = run(cell, "--json", quick=True)
    running.wait_for(lambda: len(running.events) > 2)
    assert running.end() == 0
    events = [json.loads(line) for line in running.out]
    assert {(one["task"], one["cell"]["domain"]) for one in events} == {
        ("certificates", "home.cell")
    }
    assert [one["did"] for one in events] == [[]] * len(events)
    assert [one["previous_at"] for one in events[1:]] == [one["at"] for one in events[:-1]]


def test_second_process_stands_by_and_takes_over_from_a_killed_one(cell: Shell, run: Run) -> None:
    """Never do both work; a kill frees the place."""
    cell.call("up")
    first = run(cell, "--json", quick=True)
    first.wait_for(lambda: first.events)
    second = run(cell, "--json", quick=True)
    before = len(first.events)
    first.wait_for(lambda: len(first.events) > before + 3)
    assert second.out == []
    assert second.process.poll() is None
    first.end(signal.SIGKILL)
    second.wait_for(lambda: second.events)
    last, next_ = first.events[-1], second.events[0]
    assert next_["previous_at"] >= last["at"]
    assert second.end() == 0


def test_cell_without_network_at_first_comes_up_later(
    make_cell: MakeCell, faulty: FaultProxy, run: Run
) -> None:
    """What fails at first is said once with its mend, and well again when there is a network."""
    rule = faulty.on(".*", ".*", Cut())
    made = through(make_cell(caddy=False), faulty)
    running = run(Shell(made.root), quick=True)
    running.wait_for(lambda: rule.matches and "could not be asked" in "".join(running.err))
    faulty.faults.remove(rule)
    running.wait_for(lambda: "Well again: files.home.test" in running.said)
    assert running.end() == 0
    assert "UTC New certificate for files.home.test" in running.said
    assert "Traceback" not in running.said
    assert made.certificate("files.home.test").names == ("files.home.test",)
    assert made.runner.status().problems == ()


def test_name_that_cannot_be_claimed_yet_is_claimed_later(make_cell: MakeCell, run: Run) -> None:
    """A service that is unreachable at first: `run` goes on until the cell is up."""
    made = make_cell("pic_ngo", caddy=False)
    assert made.account
    rule = made.account.service.faults.on(".*", ".*", Cut())
    running = run(Shell(made.root), quick=True)
    running.wait_for(lambda: "".join(running.err).count("✗") > 1)
    assert not made.runner.is_up()
    made.account.service.faults.remove(rule)
    domain = made.account.domain
    running.wait_for(lambda: f"New certificate for {domain}" in running.said)
    assert running.end() == 0
    assert made.runner.is_up()
    assert "Traceback" not in running.said


def test_signal_while_the_cell_is_brought_up_ends_in_order(
    make_cell: MakeCell, faulty: FaultProxy, run: Run
) -> None:
    """As while it waits for a network; the exit code is 0, since it was asked to end."""
    rule = faulty.on(".*", ".*", Cut())
    made = through(make_cell(caddy=False), faulty)
    running = run(Shell(made.root))
    running.wait_for(lambda: rule.matches)
    assert running.end() == 0
    assert "Traceback" not in running.said
    assert not list(made.base.glob("webroot/*"))


def test_wrong_config_is_one_error_and_exit_code_2(shell: Shell) -> None:
    """So that whoever started it does not try again and again."""
    shell.config_file.parent.mkdir(parents=True)
    shell.config_file.write_text('{"domain_mode": "lan", "cell_name": "a b"}')
    done = shell.run("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("✗") == 1
    assert "cell_name: 'a b' is not a DNS label" in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_config_the_first_step_is_named(shell: Shell) -> None:
    """And nothing is made."""
    done = shell.run("run")
    assert done.returncode == 2
    assert "picdns init" in done.stderr
    assert not shell.root.exists()


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_reader_that_goes_away_stops_nothing(shell: Shell, words: tuple[str, ...]) -> None:
    """As `head` does; what is to be done is done, and SIGTERM ends it in order."""
    shell.json("init", "--cell-name", "home", "--mode", "lan", "--service", "files=a:1")
    running = subprocess.Popen(
        [*shell.command("run", *words)[:1], "-c", QUICK, *shell.command("run", *words)[3:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**shell.environ(), "PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout
    assert running.stdout.readline()
    running.stdout.close()
    tick = shell.root / "data/api/picdns/schedule/tick-certificates.json"
    try:
        seen = set[str]()
        for _ in range(600):
            if tick.exists():
                seen.add(json.loads(tick.read_text())["at"])
            if len(seen) > 3:
                break
            time.sleep(0.05)
        assert len(seen) > 3
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    finally:
        running.kill()
        running.wait()
