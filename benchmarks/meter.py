"""Runs one command and writes down what it took: `meter.py RESULT [--until DIR SUFFIX N] -- ...`.

A process of its own, and a small one: the kernel counts the memory of the process that spawns
towards the peak of the spawned one. With `--until` the command is a server, whose work is done as
soon as N files with that suffix are below DIR; it is then asked to stop.
"""

import os
import signal
import sys
import time

_PAUSE, _PATIENCE, _LONGEST = 0.003, 120.0, 300


def main(result: str, *arguments: str) -> None:
    """Measure, and write wall and CPU seconds, peak memory in KiB and the exit status."""
    split = arguments.index("--")
    until, command = arguments[:split], arguments[split + 1 :]
    begun = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(process, signal.SIGKILL))
    signal.alarm(_LONGEST)  # Pebble 2.10.1 locked itself up once under load
    done = _await(until[1], until[2], int(until[3])) if until else True
    at_work = time.perf_counter() - begun
    if until:
        os.kill(process, signal.SIGTERM)
    _, status, used = os.wait4(process, 0)
    wall = at_work if until else time.perf_counter() - begun
    code = os.waitstatus_to_exitcode(status) if done else 1
    with open(result, "w", encoding="ascii") as file:
        file.write(f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss} {code}")


def _await(directory: str, suffix: str, count: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        names = (name for _, _, files in os.walk(directory) for name in files)
        if sum(name.endswith(suffix) for name in names) >= count:
            return True
        time.sleep(_PAUSE)
    return False


main(*sys.argv[1:])
