"""`picdns run`: the heartbeat in the foreground."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from picdns_core.backoff import retry_at
from picdns_core.cli.base import command, on_first_signal
from picdns_core.cli.output import Output
from picdns_core.errors import Cancelled, ConfigError, PicdnsError
from picdns_core.events import Ticked
from picdns_core.heartbeat import Heartbeat
from picdns_core.model import Step
from picdns_core.runner import Runner

_LONGEST_PAUSE = timedelta(hours=1)


@command(wrong_use=ConfigError)
def run(root: Path, output: Output) -> bool:
    """Keep the cell alive until stopped.

    Looks every five minutes whether the public address has changed or a certificate is due, and
    does what is to be done. A cell that is not up yet is brought up first. Ends in order on
    SIGTERM and Ctrl-C. With --json each look is one line.
    """
    output.one_line_each = True
    steps = threading.Event()
    steps.set()
    runner = Runner(root, progress=lambda step: output.step(step) if steps.is_set() else None)
    heartbeat = Heartbeat(runner, Reporter(output))
    ended = threading.Event()

    def stop() -> None:
        ended.set()
        runner.stop()

    on_first_signal(stop)
    _bring_up(runner, output, ended)
    if not ended.is_set():
        output.step(Step(text="Looking after the cell, every five minutes"))
        if not output.is_terminal:  # a log needs what was done, not each question
            steps.clear()
        heartbeat.start()
        ended.wait()
        heartbeat.stop()
    return True


def _bring_up(runner: Runner, output: Output, ended: threading.Event) -> None:
    """Bring the cell up, however long that takes: there may be no network yet."""
    failed = 0
    while not ended.is_set() and not runner.is_up():
        try:
            output.report(runner.up())
        except Cancelled:
            return
        except ConfigError:
            raise
        except PicdnsError as error:
            output.error(error)
            if runner.is_up():
                return  # only something of it is missing, which the heartbeat goes on with
            now = datetime.now(UTC)
            again = retry_at(error, failed, now, longest=_LONGEST_PAUSE)
            failed += 1
            ended.wait((again - now).total_seconds())


class Reporter:
    """Says what the heartbeat did, and what is broken when that has changed."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._known: dict[str, set[tuple[str, str]]] = {}
        self._guard = threading.Lock()

    def __call__(self, event: Ticked) -> None:
        with self._guard:
            before = self._known.get(event.task, set())
            problems = [one for one in event.problems if (one.subject, one.message) not in before]
            self._known[event.task] = {(one.subject, one.message) for one in event.problems}
            with suppress(OSError):  # whoever read it has gone: the heartbeat goes on
                self._output.tick(event, problems)
