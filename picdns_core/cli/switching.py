"""`picdns switch` and `picdns release`: another mode or name, and what stays held."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from picdns_core.cli.arguments import pairs, secret, setting
from picdns_core.cli.base import command, runner
from picdns_core.cli.output import Output
from picdns_core.errors import ConfigError
from picdns_core.model import Report
from picdns_core.switching import Plan, Switched

_ROOT = "Devices must import the internal root again: picdns ca"


@command(wrong_use=ConfigError)
@click.argument("mode")
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would be done.")
@click.option("--release", is_flag=True, help="Give back also what would be kept.")
@click.option("--cell-name", help="Another name for the cell.")
@click.option("--domain", help="Domain of the cell; some modes have a default.")
@click.option(
    "-s",
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the mode, or picdns.SECTION.KEY; repeatable.",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="KEY=@FILE",
    help="A secret of the mode, from a file (- for standard input); repeatable.",
)
def switch(
    root: Path,
    output: Output,
    mode: str,
    cell_name: str | None,
    domain: str | None,
    settings: tuple[str, ...],
    secrets: tuple[str, ...],
    *,
    only_plan: bool,
    release: bool,
) -> bool:
    """Move the cell to another mode, or to another name.

    The new one is registered, gets its certificates and is proven served while the old one is;
    only then does it take its place. Whatever fails before leaves all as it was. With --plan
    nobody is asked anything, and nothing is written.
    """
    given: dict[str, Any] = {k: setting(text) for k, text in pairs("--set", settings)}
    given |= {k: secret(k, text) for k, text in pairs("--secret", secrets)}
    identity = {"cell_name": cell_name, "domain_name": domain}
    given |= {key: text for key, text in identity.items() if text is not None}
    if only_plan:
        plan = runner(root, output).plan(mode, given, release=release)
        output.result(plan, "\n".join(_planned(plan)))
        return True
    switched = runner(root, output).switch(mode, given, release=release)
    output.result(switched, "\n".join(_done(switched)))
    if switched.unreleased:
        output.problems(Report(failed=(switched.unreleased,)))
    return True


@command(wrong_use=ConfigError)
@click.argument("mode")
def release(root: Path, output: Output, mode: str) -> bool:
    """Give back what is held in a mode the cell has left."""
    released = runner(root, output).release(mode)
    lines = [f"Given back: {domain}" for domain in released]
    output.result({"released": released}, "\n".join(lines) or "There was nothing to give back.")
    return True


def _planned(plan: Plan) -> Iterator[str]:
    if not plan.changes:
        yield f"The cell is {plan.domain} in mode {plan.mode} already: nothing would change"
        return
    yield f"From {plan.previous_domain} in mode {plan.previous_mode}"
    yield f"to   {plan.domain} in mode {plan.mode}:"
    if plan.registers:
        yield f"  register {plan.registers}"
    for one in plan.issues:
        yield f"  get a certificate for {', '.join(one.names)}, by {one.by}"
    for file in plan.writes:
        yield f"  write {file}"
    if plan.releases:
        yield f"  give back {plan.releases}, once the new one is served"
    if plan.keeps:
        held = plan.keeps
        yield f"  keep {held.domain} in mode {held.mode}, because {held.why}: {held.command}"
    if plan.reissues_root:
        yield _ROOT


def _done(switched: Switched) -> Iterator[str]:
    if not switched.changes:
        yield f"The cell is {switched.domain} in mode {switched.mode} already: nothing was changed"
        return
    yield f"The cell is {switched.domain} in mode {switched.mode}"
    for names in switched.issued:
        yield f"New certificate for {', '.join(names)}"
    yield from switched.addresses
    for domain in switched.released:
        yield f"Given back: {domain}"
    if switched.keeps:
        held = switched.keeps
        yield f"Kept: {held.domain}, because {held.why}. `{held.command}` gives it back"
    if switched.new_root:
        yield _ROOT
