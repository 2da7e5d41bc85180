"""A cell with all that is on the way of its names, and one that is well."""

from collections.abc import Callable

import pytest

from picdns_core import Finding, Runner
from tests.doctor.table import COLUMN
from tests.tracing.conftest import Way, echoes, way

__all__ = ["echoes", "way"]

Found = Callable[[Runner, str, str], Finding]


def ill(runner: Runner) -> list[Finding]:
    """Return what the doctor says is wrong."""
    return [one for one in runner.doctor().checks if not one.ok]


@pytest.fixture
def found(record_property: Callable[[str, object], None]) -> Found:
    """Have a cell examined, and return what one check says is wrong, which is a row of the table.

    Its words are said to be ours only where they name the mend.
    """

    def look(runner: Runner, fault: str, check: str) -> Finding:
        first, *_ = [one for one in ill(runner) if one.name == check]
        record_property(COLUMN, (fault, f"{check}: {first.finding}", first.mend))
        assert first.mend
        return first

    return look


@pytest.fixture
def up(way: Way) -> Way:
    """A cell in http01 that is up, and well."""
    way.runner.up()
    return way
