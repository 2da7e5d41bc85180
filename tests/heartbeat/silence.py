"""A program: a cell's years without network, and every word to the network that it tries.

`python -m tests.heartbeat.silence ROOT DAYS` prints what it tried, and how many certificates were
renewed.
"""

import json
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TOLD = ("socket.connect", "socket.send", "socket.get", "subprocess.", "os.exec", "os.posix_spawn")


def main(root: Path, days: int) -> None:
    """Live, and then speak once, to show that it would have been heard."""
    heard: list[str] = []

    def hear(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(TOLD):
            heard.append(event)

    sys.addaudithook(hear)
    from picdns_core import Runner
    from picdns_core.heartbeat import Heartbeat

    runner = Runner(root)
    runner.up()
    heartbeat = Heartbeat(runner)
    now = datetime.now(UTC)
    end, renewed = now + timedelta(days=days), 0
    while now < end:
        tick = heartbeat.tick(now).certificates
        assert tick is not None
        assert tick.problems == ()
        renewed += sum(text.startswith("New certificate") for text in tick.did)
        now = min(tick.due_at or end, now + timedelta(days=1))
    lived = list(heard)
    with suppress(ConnectionRefusedError), socket.socket() as control:
        control.connect(("127.0.0.1", 1))
    json.dump({"lived": lived, "control": heard[len(lived) :], "renewed": renewed}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
