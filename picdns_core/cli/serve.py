"""`picdns serve`: the cell over HTTP, for this host alone."""

from pathlib import Path

import click

from picdns_core.cli.base import command, on_first_signal
from picdns_core.cli.output import Output
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.runner import Runner


@command(wrong_use=ConfigError)
@click.option(
    "--listen",
    default="127.0.0.1:8043",
    show_default=True,
    metavar="ADDRESS",
    help="A loopback address with port, or unix:PATH.",
)
def serve(root: Path, output: Output, listen: str) -> bool:
    """Answer over HTTP until stopped.

    Prints a URL that logs you in, once, within ten minutes. Others need the session that it opens.
    The heartbeat is not part of it: see `picdns run`.
    """
    try:
        from picdns_core.web.server import Server
    except ImportError as error:
        raise PicdnsError(
            f"`picdns serve` needs {error.name}.", hint="pip install 'picdns-core[web]'"
        ) from None
    output.one_line_each = True
    server = Server(Runner(root), listen)
    on_first_signal(server.close)
    output.result({"url": server.url}, f"Open this, once: {server.url}")
    server.run()
    return True
