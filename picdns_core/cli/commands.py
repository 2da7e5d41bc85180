"""The commands; each is a thin skin over the Runner."""

import sys
from pathlib import Path
from typing import Any

import click

from picdns_core.cli.arguments import pairs, secret, setting
from picdns_core.cli.base import command, picdns, runner
from picdns_core.cli.doctor import doctor, support_bundle
from picdns_core.cli.explain import explain
from picdns_core.cli.output import Output
from picdns_core.cli.running import run
from picdns_core.cli.serve import serve
from picdns_core.cli.services import services
from picdns_core.cli.switching import switch
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.installed import installed_modes
from picdns_core.model import CertFiles, Service
from picdns_core.plugins import load_mode
from picdns_core.setup import init as initialise
from picdns_core.store import ConfigFile

__all__ = [
    "doctor",
    "explain",
    "picdns",
    "run",
    "serve",
    "services",
    "support_bundle",
    "switch",
]

REASONS = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
)


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
    help="A secret of the mode, or of picdns by its whole key, as picdns.notify.urls, from a "
    "file (- for standard input); repeatable.",
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
    report = runner(root, output).up()
    output.report(report)
    return not report.failed


@command()
def status(root: Path, output: Output) -> bool:
    """Show certificates, what is served, the last error."""
    output.status(runner(root, output).refresh())
    return True


@command()
@click.option("--name", help="Only certificates that carry this name.")
@click.option("--force", is_flag=True, help="Even if not due; CAs limit how often.")
def renew(root: Path, output: Output, name: str | None, *, force: bool) -> bool:
    """Renew certificates that are due."""
    report = runner(root, output).renew(name, force=force)
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
    output.adoption(runner(root, output).adopt(given))
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
    pem = runner(root, output).root_certificate()
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


@command(wrong_use=ConfigError)
def rehearse(root: Path, output: Output) -> bool:
    """Try what an order needs, at the CA's staging directory.

    Each certificate is had once and thrown away: nothing is served, and no limit of the CA's real
    directory is touched. Afterwards `picdns up` does the same for good.
    """
    report = runner(root, output).rehearse()
    lines = [f"It would work for {', '.join(names)}" for names in report.issued]
    output.result(report, "\n".join(lines) or None)
    output.problems(report)
    return not report.failed


@command(wrong_use=ConfigError)
@click.option("--name", required=True, help="A name that the certificate carries.")
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    default="unspecified",
    show_default=True,
    help="keyCompromise where others may have its private key.",
)
def revoke(root: Path, output: Output, name: str, reason: Any) -> bool:
    """Revoke a certificate, and get another one with a new key.

    Should that fail, the revoked one is served until the heartbeat has got another.
    """
    report = runner(root, output).revoke(name, reason)
    output.report(report)
    return not report.failed


@command()
def teardown(root: Path, output: Output) -> bool:
    """Give the cell's name back.

    Certificates stay on disk, and served until they end.
    """
    released = runner(root, output).teardown()
    text = "The name is given back." if released else "There was nothing to give back."
    output.result({"released": released}, f"{text} `picdns up` takes it again.")
    return True
