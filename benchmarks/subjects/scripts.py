"""How the two scripts are run: the floor, and picdns as a library."""

import json
import sys
from pathlib import Path

from benchmarks.arena import DOMAIN, Arena
from benchmarks.case import Sample
from benchmarks.measure import measure_laps, measure_orders

_FLOOR = Path(__file__).with_name("floor.py")
_AS_LIBRARY = Path(__file__).with_name("as_library.py")


def floor(arena: Arena, count: int) -> list[Sample]:
    """Get `count` certificates at once with the bare `acme` package."""
    folder = arena.folder()
    command = _floor(arena, folder, "once", *arena.names(count))
    return [measure_orders(arena, command, arena.environment(), folder, count=count)]


def floor_laps(arena: Arena, laps: int) -> list[Sample]:
    """Get one certificate after another in one process."""
    folder = arena.folder()
    names = arena.names(1) * (laps + 1)
    return measure_laps(arena, _floor(arena, folder, "laps", *names), arena.environment(), folder)


def picdns(arena: Arena, count: int, call: str) -> list[Sample]:
    """Call `up` or `renew` once in a new cell of `count` services."""
    folder = arena.folder()
    command = _picdns(arena, folder, count, call)
    return [measure_orders(arena, command, arena.environment(), folder, count=count)]


def picdns_laps(arena: Arena, laps: int) -> list[Sample]:
    """Renew one certificate again and again in one process."""
    folder = arena.folder()
    command = _picdns(arena, folder, 1, str(laps + 1))
    return measure_laps(arena, command, arena.environment(), folder)


def _floor(arena: Arena, folder: Path, *what: str) -> list[str | Path]:
    pebble, port = arena.pebble, arena.net.http_port
    return [sys.executable, _FLOOR, pebble.directory, pebble.ca_bundle, str(port), folder, *what]


def _picdns(arena: Arena, root: Path, count: int, call: str) -> list[str | Path]:
    config = {
        "cell_name": "home",
        "domain_mode": "http01",
        "domain_name": DOMAIN,
        "services": [
            {"name": name.partition(".")[0], "upstream": "127.0.0.1:8080"}
            for name in arena.names(count)
        ],
        "picdns": arena.net.settings(arena.pebble),
    }
    file = root / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return [sys.executable, _AS_LIBRARY, root, call, arena.names(1)[0]]
