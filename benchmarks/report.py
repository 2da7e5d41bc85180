"""The results as a table for people and as JSON for programs."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.case import Case, Row

_HEADINGS = (
    *("case", "subject", "wall", "CPU", "peak RSS"),
    *("CA asked", "API asked", "DNS asked", "echo asked", "runs", "x floor"),
)
_SUBJECTS = ("picdns", "floor", "certbot", "caddy")


def table(rows: Iterable[Row]) -> str:
    """Lay the medians out in columns; the ratio is that of the wall time."""
    lines: list[tuple[str, ...]] = [_HEADINGS]
    lines += [
        (
            one.case,
            one.subject,
            _seconds(one.wall_s),
            _seconds(one.cpu_s),
            f"{one.peak_rss_mib:.1f} MiB",
            *map(_count, (one.requests, one.api_requests, one.dns_questions, one.echo_requests)),
            str(one.runs),
            "" if one.ratio_to_floor is None else f"{one.ratio_to_floor:.2f}",
        )
        for one in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def targets(rows: Sequence[Row], cases: Iterable[Case]) -> str:
    """Say of each target of the cases that ran whether it was met."""
    lines = ["", "Targets:"]
    for case in cases:
        found = {one.subject: one for one in rows if one.case == case.name}
        for target in case.targets if found else ():
            try:
                said = "met " if target.met(found) else "MISSED"
                measured = f"{target.measured(found):.3g}"
            except KeyError as left_out:
                said, measured = "?", f"not measured, {left_out.args[0]} was left out"
            bound = f"at {'least' if target.at_least else 'most'} {target.limit:g}"
            lines.append(f"  {said:<6}  {case.name}: {target.text}: {measured} ({bound})")
    return "\n".join(lines)


def write(rows: Iterable[Row], file: Path) -> Path:
    """Write the rows of the four subjects; others are there to explain the table."""
    kept = [dataclasses.asdict(one) for one in rows if one.subject in _SUBJECTS]
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return file


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)
