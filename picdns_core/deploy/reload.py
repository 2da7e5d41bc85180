"""How CoreDNS is told to read its files again: SIGUSR1, in one of three ways."""

import http.client
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from urllib.parse import quote

from picdns_core.errors import ConfigError, DeployFailed, PicdnsError

Reload = Callable[[], None]
"""Tells CoreDNS, and returns at once or when it has; what it raises is told."""

CONTAINER = "docker:"
"""Begins a `picdns.coredns.reload` that names a container."""

_SECONDS = 15.0
_SOCKET = "/var/run/docker.sock"


def reload_by(setting: str | Sequence[str] | None) -> Reload:
    """Return what `picdns.coredns.reload` says: a command, or `docker:<container>`."""
    if setting is None:
        return _unknown
    if isinstance(setting, str):
        return lambda: _signal_container(setting.removeprefix(CONTAINER))
    return lambda: _run(setting)


def tell(reload: Reload) -> None:
    """Reload; a PicdnsError when it could not be told, also where the host's own way raises."""
    try:
        reload()
    except PicdnsError:
        raise
    except Exception as error:
        raise DeployFailed(
            "CoreDNS could not be told to read its files again: "
            f"{str(error) or type(error).__name__}.",
            hint="Mend what the host passes as reload_dns to its Runner.",
        ) from error


def _unknown() -> None:
    raise ConfigError(
        "picdns.coredns.reload",
        "is missing, so CoreDNS cannot be told to read its files.",
        hint="As docker:<container>, or a command as a list of words.",
    )


def _run(command: Sequence[str]) -> None:
    """Run a command, without a shell; what it says is told when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - the config names it
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _failed(command[0], f"it did not end within {_SECONDS:.0f} s") from None
    except OSError as error:
        raise _failed(command[0], error.strerror or str(error)) from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()[-300:]
        raise _failed(command[0], f"status {done.returncode} {said}".rstrip())


def _failed(program: str, why: str) -> DeployFailed:
    return DeployFailed(
        f"The command {program} that tells CoreDNS to read its files failed: {why}.",
        hint="Correct picdns.coredns.reload.",
    )


def _signal_container(container: str) -> None:
    """Send SIGUSR1 by the Engine's API (https://docs.docker.com/reference/api/engine/)."""
    path = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or _SOCKET
    connection = http.client.HTTPConnection("localhost", timeout=_SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_SECONDS)
        connection.sock.connect(path)
        connection.request("POST", f"/containers/{quote(container, '')}/kill?signal=SIGUSR1")
        answer = connection.getresponse()
        said = answer.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise DeployFailed(
            f"Docker's engine does not answer at {path}: {error}.",
            hint="Mount its socket here, or correct DOCKER_HOST or picdns.coredns.reload.",
        ) from error
    finally:
        connection.close()
    if answer.status != http.client.NO_CONTENT:
        raise DeployFailed(
            f"Docker's engine did not signal the container {container}: {answer.status} {said}.",
            hint="Start the container, or correct picdns.coredns.reload.",
        )
