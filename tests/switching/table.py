"""The switches that a test run made, as one table at its end."""

from collections.abc import Sequence
from typing import Any

COLUMN = "switch"
"""The property of a test's report that is one line of it."""

_HEADINGS = ("from", "to", "before", "during", "asked", "failed", "after")


def show(terminalreporter: Any) -> None:
    """Draw it, if there were any; also where the tests ran in several processes."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    rows = [value for one in reports for key, value in one.user_properties if key == COLUMN]
    if rows:
        terminalreporter.section("who issued what was served, before, during and after a switch")
        for row in (_HEADINGS, *rows):
            terminalreporter.write_line(_line(row))


def _line(row: Sequence[str]) -> str:
    widths = (11, 11, 8, 15, 6, 7, 8)
    return "".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
