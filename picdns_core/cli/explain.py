"""`picdns explain NAME`: the whole path of one name."""

from pathlib import Path

import click

from picdns_core.cli.base import command, runner
from picdns_core.cli.output import Output
from picdns_core.errors import ConfigError
from picdns_core.tracing.legs import Leg, Trace

_MARKS = {"good": "✓", "note": "·", "wrong": "✗"}
_WIDTH = 9


@command(wrong_use=ConfigError)
@click.argument("name")
def explain(root: Path, output: Output, name: str) -> bool:
    """Follow one name, from DNS to the service behind it.

    NAME is a service's short name, or any whole name. Says what is answered inside and outside,
    what is served and who trusts it, and where it is wrong, what to do. Exit code 1 when anything
    is wrong. Nothing is changed.
    """
    trace = runner(root, output).explain(name)
    output.result(trace, lines(trace))
    return trace.well


def lines(trace: Trace) -> str:
    """List the findings, each with its mend below it."""
    return "\n".join(line for leg in trace.legs for line in _lines(leg))


def _lines(leg: Leg) -> list[str]:
    finding = f"{_MARKS[leg.state]} {leg.part:{_WIDTH}}{leg.text.rstrip('.')}"
    return [finding, f"  {'':{_WIDTH}}→ {leg.hint}"] if leg.hint else [finding]
