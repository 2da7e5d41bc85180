"""What a command takes: time, CPU, peak memory, and how often it asks the CA."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.arena import Arena
from benchmarks.case import Sample

_METER = Path(__file__).with_name("meter.py")
_ORDER = "/order-plz"


class SubjectFailed(Exception):
    """A subject did not do its work; the message ends with what it printed."""


class Until(NamedTuple):
    """When the work of a server is done: so many files with this suffix are below a folder."""

    folder: Path
    suffix: str
    files: int


def measure(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    until: Until | None = None,
) -> Sample:
    """Run a command to its end, or a server until its work is done; SubjectFailed."""
    result, printed = folder / "meter", folder / "printed"
    waiting = [] if until is None else ["--until", *map(str, until)]
    with printed.open("wb") as file:
        subprocess.run(
            [sys.executable, "-I", "-S", _METER, result, *waiting, "--", *map(str, command)],
            env=environment,
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    wall, cpu, peak, code = result.read_text().split() if result.exists() else ("0", "0", "0", "1")
    if code != "0":
        raise _failed(command, f"failed with status {code}", printed)
    return Sample(wall_s=float(wall), cpu_s=float(cpu), peak_rss_mib=int(peak) / 1024)


def measure_orders(
    arena: Arena,
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    *,
    count: int,
    until: Until | None = None,
) -> Sample:
    """Measure a command that gets `count` certificates; see that it has, and count requests."""
    before = len(arena.asked())
    sample = measure(command, environment, folder, until)
    asked = arena.asked()[before:]
    if asked.count(_ORDER) != count or asked.count("/certZ/") < count:
        raise _failed(command, f"was to get {count} certificates", folder / "printed")
    return Sample(sample.wall_s, sample.cpu_s, sample.peak_rss_mib, len(asked))


def measure_laps(
    arena: Arena, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> list[Sample]:
    """Measure the later certificates of one process, which prints its laps as JSON.

    The first is not counted: it is cold. Requests are split at the orders.
    """
    before = len(arena.asked())
    whole = measure(command, environment, folder)
    asked = arena.asked()[before:]
    laps = json.loads((folder / "printed").read_text())
    orders = [at for at, path in enumerate(asked) if path == _ORDER]
    if len(orders) != len(laps):
        raise _failed(command, f"was to get {len(laps)} certificates", folder / "printed")
    each = [later - order for order, later in zip(orders, [*orders[1:], len(asked)], strict=True)]
    requests = int(statistics.median(each[1:]))
    return [Sample(wall, cpu, whole.peak_rss_mib, requests) for wall, cpu in laps[1:]]


def _failed(command: Sequence[str | Path], what: str, printed: Path) -> SubjectFailed:
    tail = "\n  ".join(printed.read_text(errors="replace").splitlines()[-20:])
    return SubjectFailed(f"`{' '.join(map(str, command))}` {what}. It printed:\n  {tail}")
