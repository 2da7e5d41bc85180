"""A process that looks after a cell: `python -m tests.heartbeat.day ROOT`.

Brings the cell up, then reads how many ticks to do, a number a line, five minutes between ticks.
Answers each with what was done meanwhile, and what the process holds on to afterwards, as JSON.
"""

import gc
import json
import os
import re
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from picdns_core import Runner
from picdns_core.heartbeat import Heartbeat

_TICK = timedelta(minutes=5)
_PATIENCE = 10.0  # seconds that threads have to end which nobody waits for


def live(root: str) -> None:
    """Tick as often as asked."""
    before = threading.active_count()
    runner = Runner(root)
    report = runner.up()
    assert not report.failed
    runner.status()
    heartbeat, now = Heartbeat(runner), datetime.now(UTC)
    for line in sys.stdin:
        did: list[str] = []
        for _ in range(int(line)):
            tick = heartbeat.tick(now)
            for event in filter(None, (tick.addresses, tick.certificates)):
                did += [*event.did, *(problem.error for problem in event.problems)]
            now += _TICK
        _await_threads(before)
        print(json.dumps({"did": did, "holds": _holds()}), flush=True)  # noqa: T201


def _await_threads(count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while threading.active_count() > count and time.monotonic() < deadline:
        time.sleep(0.01)


def _holds() -> dict[str, Any]:
    gc.collect()
    return {
        "blocks": sys.getallocatedblocks(),
        "memory_kib": _memory_kib(),
        "threads": threading.active_count(),
        "open": Counter(_open()),
        "children": sum(1 for _ in Path("/proc/self/task").glob("*/children") if _.read_text()),
    }


def _open() -> list[str]:
    """Name what is open: a file by its path, everything else by its kind."""
    found = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:  # what listed them
            continue
        found.append(re.sub(r":\[\d+\]$", "", name))
    return found


def _memory_kib() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


if __name__ == "__main__":
    live(sys.argv[1])
