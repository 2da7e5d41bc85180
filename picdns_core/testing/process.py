"""A real server process: how it starts, is waited for, and ends."""

import abc
import concurrent.futures
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Self

from . import programs

# The kernel ends a server together with the *thread* that started it (see `_outlived_by_nobody`),
# so all are started by one thread that lives as long as this process.
_starter = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="picdns-testing-starter")


class ServerFailed(Exception):
    """A server did not start, or did not do what it was told; the message ends with its log."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until the condition holds or the seconds are over; returns whether it holds.

    It is asked after 5 ms, then ever more seldom, at last every 100 ms.
    """
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True


class Server(abc.ABC):
    """One server process with a directory and a log of its own.

    `start` and `stop` may alternate; the directory and the log stay, so that a server comes back
    with what it had on disk. `close` stops it and removes the directory. As a context manager it
    is started on the way in, unless it runs, and closed on the way out.
    """

    program: ClassVar[str]
    patience: ClassVar[float] = 20.0
    """Seconds that a start may take before it counts as failed."""

    def __init__(
        self,
        parent: Path | None = None,
        *,
        user: str | int | None = None,
        group: str | int | None = None,
    ) -> None:
        """Make the directory, inside `parent` or the system's directory of temporary files.

        `user` and `group` are whom the server runs as, and who owns the directory; by default
        whoever starts it. Only root can ask for others, and gets them without its own groups.
        """
        self.user = user
        self.group = group
        self.home = Path(tempfile.mkdtemp(prefix=f"picdns-{self.program}-", dir=parent))
        self.log = self.home / "log"
        self.log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        if user is not None:
            shutil.chown(self.home, user)
        if group is not None:
            shutil.chown(self.home, group=group)

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Write what the server reads at its start, and return its arguments."""

    @abc.abstractmethod
    def ready(self) -> bool:
        """Tell whether it answers; never raises and never waits for long."""

    def executable(self) -> Path:
        """Return what is run; raises `ServerMissing`."""
        program = programs.find(self.program)
        if self.user is None:
            return program
        # A copy, since another user may not get to the original: root's home is closed to others.
        return Path(shutil.copy(program, self.home / self.program))

    def environment(self) -> Mapping[str, str]:
        """Return what is added to this process's environment."""
        return {}

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises `ServerMissing`, or `ServerFailed` when it ends early or does not answer in time.
        """
        self.launch()
        return self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting, so that several can start side by side.

        Raises `ServerMissing`, and `ServerFailed` when it runs already.
        """
        if self.pid is not None:
            raise ServerFailed(f"{self.program} runs already, with the process id {self.pid}.")
        arguments = [str(self.executable()), *self.command()]
        with self.log.open("ab") as log:
            self._process = _starter.submit(
                subprocess.Popen,
                [*_outlived_by_nobody(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=os.environ | dict(self.environment()),
                user=self.user,
                group=self.group,
                extra_groups=None if self.user is None else (),
                # Ctrl-C at the terminal is for the tests; they stop the servers in their order.
                start_new_session=True,
            ).result()

    def wait_ready(self) -> Self:
        """Wait until a launched server answers; what fails to is stopped.

        Raises `ServerFailed`.
        """
        came = wait_until(lambda: self.pid is None or self.ready(), self.patience)
        if self.pid is None:
            status = self._process.returncode if self._process else None
            raise ServerFailed(self._with_log(f"{self.program} ended early, status {status}."))
        if not came:
            self.stop()
            raise ServerFailed(
                self._with_log(f"{self.program} did not answer within {self.patience:.0f} s.")
            )
        return self

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, else None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def log_text(self) -> str:
        """Return everything the server has logged since it was made, over all its starts."""
        return self.log.read_text(errors="replace")

    def ask_to_stop(self) -> None:
        """Send the signal that ends a server in an orderly way, without waiting."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, grace: float = 5.0) -> None:
        """End the server, by force after `grace` seconds; safe when it does not run."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the server as a power cut would; safe when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Stop the server and remove its directory; safe twice."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start() if self.pid is None else self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _with_log(self, message: str) -> str:
        tail = "\n  ".join(self.log_text().splitlines()[-20:])
        return f"{message} Its log ends with:\n  {tail}"


def _outlived_by_nobody() -> list[str]:
    """Prefix a command so that the kernel kills it when this process is gone, however it went."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
