"""`picdns doctor` and `picdns support-bundle`: what is wrong, and what a helper needs to know."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from picdns_core.cli.base import command, runner
from picdns_core.cli.output import Output
from picdns_core.doctor import Diagnosis
from picdns_core.errors import StoreError

_WIDTH = 13


@command()
@click.option("--outside", is_flag=True, help="Have the CA look from outside too, as a rehearsal.")
@click.option("--all", "show_all", is_flag=True, help="Show also what is well.")
def doctor(root: Path, output: Output, *, outside: bool, show_all: bool) -> bool:
    """Find what is wrong, and say how to mend it.

    Looks at the clock, the ports, DNS, the CA's limits, tokens, Caddy, CoreDNS, files and the
    network, for some seconds, and changes nothing. With --outside the CA's staging directory gets
    each certificate once, which may take minutes. Exit code 1 when anything is wrong.
    """
    diagnosis = runner(root, output).doctor(outside=outside)
    output.result(diagnosis, lines(diagnosis, show_all=show_all))
    return diagnosis.well


@command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def support_bundle(root: Path, output: Output, file: Path | None) -> bool:
    """Write what a helper needs to know into one archive.

    It has the doctor's findings, the status, versions, the settings and the generated files, and
    no key, no token and no password. FILE must not be there yet; picdns-support-TIME.tar.gz in the
    current directory when not given. Only you can read it.
    """
    path = file or Path(f"picdns-support-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz")
    data = runner(root, output).support_bundle()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file that is not there."
        ) from None
    with os.fdopen(descriptor, "wb") as archive:
        archive.write(data)
    output.result(
        {"file": str(path)}, f"Written to {path}. Look into it before you give it away: tar xzf"
    )
    return True


def lines(diagnosis: Diagnosis, *, show_all: bool = False) -> str:
    """List what is wrong, each with its evidence and mend below it; one line when all is well."""
    shown = [one for one in diagnosis.checks if show_all or not one.ok]
    if not shown:
        return f"Nothing is wrong, as far as {len(diagnosis.checks)} checks can tell"
    text = []
    for one in shown:
        text.append(f"{'✓' if one.ok else '✗'} {one.name:{_WIDTH}}{one.finding.rstrip('.')}")
        if one.evidence:
            text.append(f"  {'':{_WIDTH}}({one.evidence})")
        if one.mend:
            text.append(f"  {'':{_WIDTH}}→ {one.mend}")
    return "\n".join(text)
