"""Runs functions in other processes, and there under bad luck: killed, paused, without space."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

# Fork from a process without threads, in which everything is loaded already.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "tests.store.processes", "picdns_core.runner"])

_ACTS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.chown"}
_NEWNS = 0x20000

Under = Sequence[Callable[[], object]]


class Signal(Protocol):
    """An event that two processes share."""

    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Killed(Exception):
    """The process was killed before the function ended."""


class Running:
    """A function under way in another process."""

    def __init__(self, act: Callable[..., Any], *args: Any, under: Under = ()) -> None:
        self._end, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(theirs, under, act, args))
        self._process.start()
        self._kept = (under, args)  # an event that is collected here is gone there
        theirs.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def kill(self) -> None:
        """End it as kill -9 does, and wait until it is gone."""
        self._process.kill()
        self._process.join()
        self._end.close()

    def result(self) -> Any:
        """Return what the function returned, or raise what it raised."""
        try:
            done, said = self._end.recv()
        except EOFError:
            raise Killed from None
        finally:
            self._process.join(30)
            self._end.close()
        if not done:
            raise said
        return said


def run(act: Callable[..., Any], *args: Any, under: Under = ()) -> Any:
    """Call the function in another process, `under` what is prepared there before."""
    return Running(act, *args, under=under).result()


def event() -> Signal:
    """Return an event that a paused process can be given."""
    return _CONTEXT.Event()


def at_each_act(root: Path, look: Callable[[str], None]) -> None:
    """Call `look` before each thing this process does to a file below `root`; for good."""
    looking = False

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        nonlocal looking
        creates = name == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if looking or not (creates or name in _ACTS or name == "fcntl.flock"):
            return
        if name != "fcntl.flock" and not _below(root, arguments[0]):
            return
        looking = True
        look(name)
        looking = False

    sys.addaudithook(hook)


def killed_at(root: Path, number: int) -> None:
    """Die, as by kill -9, at the act of that number."""
    count = 0

    def look(_: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    at_each_act(root, look)


def paused_at(root: Path, act: str, reached: Signal, go: Signal) -> None:
    """Stop before the first act of that kind, say so, and go on when told to."""
    waited = False

    def look(name: str) -> None:
        nonlocal waited
        if name == act and not waited:
            waited = True
            reached.set()
            go.wait(20)

    at_each_act(root, look)


def as_user(number: int) -> None:
    """Be an ordinary user from now on."""
    os.setgroups([])
    os.setgid(number)
    os.setuid(number)


def tiny_disk(path: Path, size: str = "64k", options: str = "") -> None:
    """Mount a small file system there, which only this process sees."""
    _mount("-t", "tmpfs", "-o", f"size={size},mode=755{options}", "tmpfs", str(path))


def read_only(path: Path) -> None:
    """Mount a directory over itself, such that only this process cannot write to it."""
    _mount("--bind", str(path), str(path))
    _mount("-o", "remount,bind,ro", str(path))


def mounted_alone(path: Path) -> None:
    """Mount a single file over itself, as container hosts do."""
    _mount("--bind", str(path), str(path))


def _mount(*arguments: str) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_NEWNS):
        raise OSError(ctypes.get_errno(), "cannot unshare mounts")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _below(root: Path, path: object) -> bool:
    if isinstance(path, int):
        path = os.readlink(f"/proc/self/fd/{path}")
    return str(path).startswith(f"{root}/")


def _run(end: Connection, under: Under, act: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        for prepare in under:
            prepare()
        said = (True, act(*args))
    except Exception as error:  # noqa: BLE001 - raised again by `result`
        said = (False, error)
    end.send(said)
