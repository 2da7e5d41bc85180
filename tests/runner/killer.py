"""Runs a cell in forked processes that die, by SIGKILL, at their nth durable act.

Reads one JSON object a line, `{"root", "call", "kill_at", "edges"}`, and answers each with
`{"killed", "acts", "report"}`. An act is what another process could notice: a file or link made,
renamed or removed, a connection opened, bytes sent. The audit hook fires before the act. With
`edges` only those count at which what others know and what the disk knows part: what is sent over
HTTP, and the first act after it.
"""

import json
import os
import signal
import sys
import threading
from typing import Any

from picdns_core import Report, Runner, Service

_ACTS = {"os.rename", "os.remove", "os.symlink", "os.mkdir", "os.rmdir", "socket.connect"}
_SENDS = {"http.client.send"}


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
            said = result.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = json.loads(said) if said else {}
        print(json.dumps({"killed": killed, **answer}), flush=True)  # noqa: T201


def _run(request: dict[str, Any], writer: int) -> None:
    count, sent, guard = 0, False, threading.Lock()
    root = request["root"]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count, sent
        writes = (
            event == "open" and str(arguments[0]).startswith(root) and arguments[2] & os.O_CREAT
        )
        if event in _ACTS or event in _SENDS or writes:
            with guard:
                before, sent = sent, event in _SENDS
                if request["edges"] and not (sent or before):
                    return
                count += 1
                if count == request["kill_at"]:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    runner = Runner(root)
    try:
        report = _call(runner, *request["call"].split())
        said = {"acts": count, "failed": [str(one.message) for one in report.failed]}
    except Exception as error:  # noqa: BLE001 - told to the test
        said = {"acts": count, "failed": [f"{type(error).__name__}: {error}"]}
    os.write(writer, json.dumps(said).encode())
    os._exit(0)


def _call(runner: Runner, call: str, *words: str) -> Report:
    if call == "add":
        return runner.add_service(Service(name=words[0], upstream=words[1])).report
    return runner.up() if call == "up" else runner.renew(force=True)


if __name__ == "__main__":
    serve()
