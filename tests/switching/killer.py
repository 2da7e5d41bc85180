"""Switches a cell in forked processes that die, by SIGKILL, at their nth step or act.

Reads one JSON object a line, `{"root", "mode", "settings", "kill_at", "every_act"}`, and answers
each with `{"killed", "failed"}`. A step is what `progress` hears, or a write of the journal of the
switch; an act is whatever is renamed, removed or linked on disk, and each request that is sent.
"""

import json
import os
import signal
import sys
import threading
from typing import Any

from picdns_core import Runner, Step

_ACTS = {"os.rename", "os.remove", "os.symlink", "http.client.send"}
_JOURNAL = "journal/switch.json"


def serve() -> None:
    """Answer one request after the other, each in a process of its own."""
    for line in sys.stdin:
        request = json.loads(line)
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            os.close(reader)
            _run(request, writer)
        os.close(writer)
        with os.fdopen(reader) as result:
            failed = result.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps({"killed": killed, "failed": failed}), flush=True)  # noqa: T201


def _run(request: dict[str, Any], writer: int) -> None:
    count, guard = 0, threading.Lock()

    def act(*_: object) -> None:
        nonlocal count
        with guard:
            count += 1
            if count == request["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _ACTS:
            return
        if request["every_act"] or any(str(one).endswith(_JOURNAL) for one in arguments):
            act()

    def step(_: Step) -> None:
        if not request["every_act"]:
            act()

    sys.addaudithook(hook)
    failed = ""
    try:
        Runner(request["root"], progress=step).switch(request["mode"], request["settings"])
    except Exception as error:  # noqa: BLE001 - told to the test
        failed = f"{type(error).__name__}: {error}"
    os.write(writer, failed.encode())
    os._exit(0)


if __name__ == "__main__":
    serve()
