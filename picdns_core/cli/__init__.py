"""The terminal (extra `cli`)."""

import sys


def main() -> None:
    """Run the command `picdns`."""
    try:
        from picdns_core.cli.commands import picdns
    except ModuleNotFoundError as error:
        sys.exit(f"picdns needs {error.name}: pip install 'picdns-core[cli]'")
    picdns()
