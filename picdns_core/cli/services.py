"""`picdns services`: what the cell serves, listed and changed."""

from collections.abc import Iterator
from pathlib import Path

import click

from picdns_core.cli.base import command, picdns, runner
from picdns_core.cli.output import Output
from picdns_core.errors import ConfigError
from picdns_core.model import Report, Service
from picdns_core.services import ServicesChanged


@picdns.group(invoke_without_command=True, short_help="List the services, add or remove one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def services(context: click.Context, *, as_json: bool) -> None:
    """List the services of the cell.

    `picdns services add` and `picdns services remove` change them.
    """
    if context.invoked_subcommand is None:
        context.invoke(show, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"Give --json after {context.invoked_subcommand}.")


@command(group=services)
def show(root: Path, output: Output) -> bool:
    """List the services, as without a command."""
    found = runner(root, output).services()
    lines = [f"{one.name:12} {one.upstream}" for one in found]
    none = "There is none: picdns services add NAME UPSTREAM"
    output.result({"services": found}, "\n".join(lines) or none)
    return True


@command(wrong_use=ConfigError, group=services)
@click.argument("name")
@click.argument("upstream")
def add(root: Path, output: Output, name: str, upstream: str) -> bool:
    """Add a service.

    UPSTREAM is where it answers, as 127.0.0.1:8080. It is served at NAME below the cell's domain
    and at NAME.cell. Where there is one of that name, it gets the other upstream.
    """
    return _told(output, runner(root, output).add_service(Service(name=name, upstream=upstream)))


@command(wrong_use=ConfigError, group=services)
@click.argument("name")
def remove(root: Path, output: Output, name: str) -> bool:
    """Remove a service.

    Its own certificate, where it has one, is kept for a day: added again within it, the service
    is served at once.
    """
    return _told(output, runner(root, output).remove_service(name))


def _told(output: Output, change: ServicesChanged) -> bool:
    """Show what was done; True when all of it was."""
    output.result(change, "\n".join(_lines(change)))
    unfinished = (change.unfinished,) if change.unfinished else ()
    output.problems(Report(failed=(*change.report.failed, *unfinished)))
    return not (change.report.failed or unfinished)


def _lines(change: ServicesChanged) -> Iterator[str]:
    if not change.services:
        yield "The services are as they were"
    for one in (*change.services, *change.certificates):
        yield f"{', '.join(one.names)}: {one.action}, {one.why}"
    if change.report.deployed:
        yield "The change is in use"
    if change.waiting:
        yield change.waiting
