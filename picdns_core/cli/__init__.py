"""The terminal (extra `cli`)."""

import logging
import sys


def main() -> None:
    """Run the command `picdns`."""
    try:
        from picdns_core.cli.commands import picdns
    except ModuleNotFoundError as error:
        sys.exit(f"picdns needs {error.name}: pip install 'picdns-core[cli]'")
    # What a command says itself is not to be said again by the log's last resort.
    logging.getLogger("picdns_core.store.failures").addHandler(logging.NullHandler())
    picdns()
