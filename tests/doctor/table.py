"""The faults that a test run made, with what the doctor found, as one table at its end."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

COLUMN = "fault"
"""The property of a test's report that is one row of it."""

_HEADINGS = ("fault", "finding", "mend")
_WIDTHS = (26, 60, 60)


def show(terminalreporter: Any) -> None:
    """Draw it, if there were any; also where the tests ran in several processes."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    rows = [value for one in reports for key, value in one.user_properties if key == COLUMN]
    if rows:
        terminalreporter.section("what the doctor finds, and the mend")
        for row in (_HEADINGS, *sorted(rows)):
            for line in _lines(row):
                terminalreporter.write_line(line)


def _lines(row: Sequence[str]) -> Iterator[str]:
    cells = [textwrap.wrap(text, width) for text, width in zip(row, _WIDTHS, strict=True)]
    for number in range(max(map(len, cells))):
        parts = (cell[number] if number < len(cell) else "" for cell in cells)
        padded = (f"{part:<{width}}" for part, width in zip(parts, _WIDTHS, strict=True))
        yield " | ".join(padded).rstrip()
