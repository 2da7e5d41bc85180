"""A process that looks after a cell: `ticks.py ROOT DNS_PORT`, one tick for each line it reads.

Answers each with what the tick took, as JSON. Questions are counted that go to `DNS_PORT`, where
the name servers of the local internet are. The first line is answered when the cell is up; five
minutes pass from tick to tick.
"""

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from picdns_core import Runner
from picdns_core.heartbeat import Heartbeat

_PAUSE = timedelta(minutes=5)
_SETTLED = 2.5  # seconds after which the store takes a directory for unchanged
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main(root: str, dns_port: str) -> None:
    """Bring the cell up, then tick as often as it is asked to."""
    questions = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal questions
        address = arguments[1] if event == "socket.sendto" else None
        questions += isinstance(address, tuple) and address[1] == int(dns_port)

    sys.addaudithook(count)
    runner = Runner(root)
    report = runner.up()
    if report.failed or not report.addresses:
        sys.exit(f"failed: {report}")
    time.sleep(_SETTLED)  # as in the five minutes that are said to pass
    heartbeat, now = Heartbeat(runner), datetime.now(UTC)
    for _ in sys.stdin:
        questions = 0
        wall, cpu = time.perf_counter(), time.process_time()
        tick = heartbeat.tick(now)
        took = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_rss_mib": _peak_rss_mib(),
            "dns_questions": questions,
        }
        events = [event for event in (tick.addresses, tick.certificates) if event]
        did = [done for event in events for done in event.did]
        problems = [problem.message for event in events for problem in event.problems]
        print(json.dumps({"did": did + problems, "took": took}), flush=True)
        now += _PAUSE


def _peak_rss_mib() -> float:
    """Return the peak of this process alone; `getrusage` begins with its parent's."""
    found = _PEAK.search(Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


main(*sys.argv[1:])
