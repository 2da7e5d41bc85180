"""`due`: deciding which of 10,000 certificates are to be renewed now; none is.

`picdns` decides again and again in one process, as the heartbeat does. `first` is the first time
in a process, when every certificate's `meta.json` is read; `opening` is what a call does before
it decides anything: to read a config with as many services.
"""

import json
import sys
import time
from functools import cache
from pathlib import Path

from benchmarks.arena import DOMAIN, Arena
from benchmarks.case import Case, Sample, Subject, Target
from benchmarks.measure import measure

_SCRIPT = Path(__file__).parents[1] / "subjects" / "due.py"
_CERTIFICATES, _LAPS = 10_000, 12
_SETTLED = 2.5  # seconds after which the store takes a directory for unchanged


@cache
def _cell(arena: Arena) -> Path:
    """Make the cell, once for all subjects."""
    root = arena.folder()
    config = {
        "cell_name": "home",
        "domain_mode": "http01",
        "domain_name": DOMAIN,
        "services": [
            {"name": f"s{number}", "upstream": "127.0.0.1:8080"} for number in range(_CERTIFICATES)
        ],
    }
    file = root / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(config), encoding="utf-8")
    measure((sys.executable, _SCRIPT, str(root), "fill"), arena.environment(), root)
    time.sleep(_SETTLED)
    return root


def _laps(arena: Arena, laps: int) -> tuple[float, list[list[list[float]]]]:
    root = _cell(arena)
    command = (sys.executable, _SCRIPT, str(root), str(laps))
    whole = measure(command, arena.environment(), root)
    return whole.peak_rss_mib, json.loads((root / "printed").read_text())


def _deciding(arena: Arena) -> list[Sample]:
    peak, laps = _laps(arena, _LAPS)
    return [Sample(wall, cpu, peak) for _, (wall, cpu) in laps[1:]]


def _first(arena: Arena) -> list[Sample]:
    peak, laps = _laps(arena, 1)
    return [Sample(wall, cpu, peak) for _, (wall, cpu) in laps]


def _opening(arena: Arena) -> list[Sample]:
    peak, laps = _laps(arena, 3)
    return [Sample(wall, cpu, peak) for (wall, cpu), _ in laps[1:]]


CASE = Case(
    "due",
    (
        Subject("picdns", _deciding, 2),
        Subject("first", _first, 3),
        Subject("opening", _opening, 1),
    ),
    (Target("ms to decide for 10,000", lambda rows: 1000 * rows["picdns"].wall_s, 100),),
)
