"""What the pages' examples are run with."""

from tests.cli.conftest import shell

__all__ = ["shell"]
