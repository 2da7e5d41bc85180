"""What all commands have in common: the group, the root, --json, and how errors are said."""

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from picdns_core.cli.output import Output
from picdns_core.errors import PicdnsError
from picdns_core.runner import Runner

_FAILED, _WRONG_USE = 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="picdns-core")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    envvar="PICDNS_ROOT",
    show_default="$PICDNS_ROOT, else the current directory",
    help="Directory that holds config/ and data/.",
)
@click.pass_context
def picdns(context: click.Context, root: Path) -> None:
    """Give a home server a public name and a trusted certificate, and keep both alive.

    Begin with `picdns init`, then `picdns up`; `picdns status` says how it is. Exit codes: 0
    done, 1 failed, 2 wrong use.
    """
    context.obj = root


def command(
    wrong_use: type[PicdnsError] | tuple[()] = (),
    *,
    group: click.Group = picdns,
) -> Callable[[Callable[..., bool]], click.Command]:
    """Make a command with --json whose errors are said well; False from it means failed."""

    def decorate(function: Callable[..., bool]) -> click.Command:
        @functools.wraps(function)
        def run(root: Path, *, as_json: bool, **options: Any) -> None:
            output = Output(as_json=as_json)
            try:
                done = function(root, output, **options)
                sys.stdout.flush()
            except PicdnsError as error:
                output.error(error)
                sys.exit(_WRONG_USE if isinstance(error, wrong_use) else _FAILED)
            except OSError as error:
                # What is still buffered would fail once more at exit, in Python's own words.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(f"The output could not be written: {error.strerror}.")
            sys.exit(0 if done else _FAILED)

        with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(run)
        summary = (function.__doc__ or "").partition(".")[0]
        return group.command(short_help=f"{summary}.")(click.pass_obj(with_json))

    return decorate


def runner(root: Path, output: Output) -> Runner:
    """Return a runner that the first Ctrl-C ends in order, and the second at once."""
    runner = Runner(root, progress=output.step)
    on_first_signal(runner.stop)
    return runner


def on_first_signal(stop: Callable[[], None]) -> None:
    """Stop in order at the first Ctrl-C or SIGTERM; the second ends the process at once."""

    def handle(*_: object) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_DFL)
        # Not here: the thread that was interrupted may hold a lock that is needed for it.
        threading.Thread(target=stop, name="picdns-stop").start()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
