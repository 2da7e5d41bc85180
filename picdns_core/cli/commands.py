"""The commands; each is a thin skin over the Runner."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from picdns_core.cli.arguments import pairs, secret, setting
from picdns_core.cli.output import Output
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.installed import installed_modes
from picdns_core.model import CertFiles, Service
from picdns_core.plugins import load_mode
from picdns_core.runner import Runner
from picdns_core.setup import init as initialise
from picdns_core.store import ConfigFile

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
        return picdns.command(short_help=f"{summary}.")(click.pass_obj(with_json))

    return decorate


@command()
def modes(root: Path, output: Output) -> bool:  # noqa: ARG001 - modes are of the installation
    """List the installed domain modes."""
    found: list[dict[str, Any]] = []
    for name, distribution in installed_modes().items():
        try:
            mode = load_mode(name).mode
            about = {"title": mode.title, "description": mode.description, "error": None}
        except PicdnsError as error:
            about = {"title": None, "description": None, "error": str(error)}
        found.append({"name": name, "distribution": distribution, **about})
    lines = [f"{one['name']:12} {one['title'] or one['error']}" for one in found]
    output.result({"modes": found}, "\n".join(lines) or "None: pip install picdns-lan")
    return True


@command(wrong_use=ConfigError)
@click.option("--cell-name", required=True, help="Short name of the cell, as `home`.")
@click.option("--mode", required=True, help="One of `picdns modes`.")
@click.option("--domain", help="Domain of the cell; some modes have a default.")
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME=UPSTREAM",
    help="As files=127.0.0.1:8080; repeatable.",
)
@click.option(
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
    help="A secret of the mode, or picdns.acme.eab.hmac_key, from a file (- for standard input); "
    "repeatable.",
)
def init(
    root: Path,
    output: Output,
    cell_name: str,
    mode: str,
    domain: str | None,
    services: tuple[str, ...],
    settings: tuple[str, ...],
    secrets: tuple[str, ...],
) -> bool:
    """Write the cell's configuration.

    It goes into config/api/cell_config.json, where what is not given stays as it is. Nobody is
    asked anything yet.
    """
    source = ConfigFile(root)
    config = initialise(
        root,
        source,
        cell_name=cell_name,
        mode_name=mode,
        domain=domain,
        services=[Service(name=k, upstream=v) for k, v in pairs("--service", services)],
        settings={key: setting(text) for key, text in pairs("--set", settings)},
        secrets={key: secret(key, text) for key, text in pairs("--secret", secrets)},
    )
    cell = config.cell
    output.result(
        {"mode": cell.mode, "domain": cell.domain, "config": str(source.path)},
        f"{cell.domain} in mode {cell.mode}: written to {source.path}. Next: picdns up",
    )
    return True


@command()
def up(root: Path, output: Output) -> bool:
    """Get and renew certificates, put them live.

    Registers the name first where the mode needs it, and finishes what an earlier run left
    unfinished. Twice changes nothing.
    """
    report = _runner(root, output).up()
    output.report(report)
    return not report.failed


@command()
def status(root: Path, output: Output) -> bool:
    """Show certificates, what is served, the last error."""
    output.status(_runner(root, output).refresh())
    return True


@command()
@click.option("--name", help="Only certificates that carry this name.")
@click.option("--force", is_flag=True, help="Even if not due; CAs limit how often.")
def renew(root: Path, output: Output, name: str | None, *, force: bool) -> bool:
    """Renew certificates that are due."""
    report = _runner(root, output).renew(name, force=force)
    output.report(report)
    return not report.failed


@command()
@click.option(
    "--cert",
    "certs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A certificate with its chain in PEM, as certbot's fullchain.pem.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="FILE",
    help="Its private key in PEM, as certbot's privkey.pem.",
)
def adopt(root: Path, output: Output, certs: tuple[str, ...], keys: tuple[str, ...]) -> bool:
    """Serve certificates from elsewhere until the cell has its own.

    For a cell that moves in from certbot, acme.sh or Caddy's own: nothing is interrupted. The
    files are copied and stay as they are. Several certificates are adopted at once, each --cert
    with its --key in the same order. The next `picdns up` gets the cell's own; should that fail,
    the adopted ones go on being served.
    """
    if len(certs) != len(keys):
        raise click.UsageError("Give each --cert its --key, in the same order.")
    given = [CertFiles(fullchain=cert, privkey=key) for cert, key in zip(certs, keys, strict=True)]
    output.adoption(_runner(root, output).adopt(given))
    return True


@command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["pem", "der", "mobileconfig", "fingerprint"]),
    help="Print the root in this form; else how to import it on each system.",
)
def ca(root: Path, output: Output, form: Any) -> bool:
    """Show the cell's own root and how to trust it."""
    from picdns_core import trust

    if form and output.as_json:
        raise click.UsageError("--format prints the file itself: leave --json away.")
    pem = _runner(root, output).root_certificate()
    if form:
        sys.stdout.buffer.write(trust.render(pem, form))
        return True
    commands = trust.commands(pem)
    fingerprint = trust.fingerprint(pem)
    lines = [f"SHA-256 fingerprint: {fingerprint}"]
    lines += [f"\n# {system}\n{text}" for system, text in commands.items()]
    output.result(
        {"fingerprint": fingerprint, "pem": pem.decode(), "commands": commands}, "\n".join(lines)
    )
    return True


@command()
def teardown(root: Path, output: Output) -> bool:
    """Give the cell's name back.

    Certificates stay on disk, and served until they end.
    """
    released = _runner(root, output).teardown()
    text = "The name is given back." if released else "There was nothing to give back."
    output.result({"released": released}, f"{text} `picdns up` takes it again.")
    return True


def _runner(root: Path, output: Output) -> Runner:
    """Return a runner that the first Ctrl-C ends in order, and the second at once."""
    runner = Runner(root, progress=output.step)

    def stop(*_: object) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_DFL)
        runner.stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return runner
