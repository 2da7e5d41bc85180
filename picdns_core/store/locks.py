"""Locks across threads and processes, by flock; the holder says what it is doing."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from picdns_core.errors import Busy
from picdns_core.store import atomic


@contextmanager
def hold(path: Path, step: str, wait: float) -> Iterator[None]:
    """Hold the lock while doing `step`; Busy after `wait` seconds. Freed by a kill, too."""
    with atomic.explained(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, wait)
        try:
            _say(descriptor, step)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked meanwhile would keep it held
    finally:
        os.close(descriptor)


def _say(descriptor: int, step: str) -> None:
    said = f"{step} (process {os.getpid()})".encode()
    with suppress(OSError):  # a full disk keeps nobody from holding a lock
        if os.pread(descriptor, len(said) + 1, 0) != said:  # to write costs far more than to look
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, said, 0)


def _acquire(descriptor: int, wait: float) -> None:
    deadline, pause = time.monotonic() + wait, 0.005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                said = os.pread(descriptor, 500, 0).decode(errors="replace")
                raise Busy(said or "another process") from None
            time.sleep(min(pause, left))
            pause = min(pause * 2, 0.2)
        else:
            return
