"""CoreDNS is told to read its files, by a command or through Docker's engine."""

import socket
import threading
from pathlib import Path

import pytest

from picdns_core import ConfigError, DeployFailed
from picdns_core.deploy.reload import reload_by


def engine(path: Path, answer: bytes) -> threading.Thread:
    """Answer one request at a socket, as Docker's engine does; keep it in the thread's name."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            thread.name = connection.recv(4096).decode().partition("\r\n")[0]
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_container_gets_the_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the socket that Docker's own clients would use; no shell, no client program."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    asked = engine(tmp_path / "docker.sock", b"HTTP/1.1 204 No Content\r\n\r\n")
    reload_by("docker:cell-dns")()
    asked.join()
    assert asked.name == "POST /containers/cell-dns/kill?signal=SIGUSR1 HTTP/1.1"


def test_refusal_of_the_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is an engine that is not there."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    body = b'{"message":"No such container: cell-dns"}'
    head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    asked = engine(tmp_path / "docker.sock", head + body)
    with pytest.raises(DeployFailed, match=r"cell-dns: 404 .*No such container"):
        reload_by("docker:cell-dns")()
    asked.join()
    with pytest.raises(DeployFailed, match="does not answer at"):
        reload_by("docker:cell-dns")()


def test_command_is_run_without_a_shell(tmp_path: Path) -> None:
    """Its words arrive as they are."""
    file = tmp_path / "a; b $HOME"
    reload_by(["touch", str(file)])()
    assert file.exists()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["false"], "status 1"),
        (["sh", "-c", "echo no such unit; exit 5"], "status 5 no such unit"),
        (["/nonexistent"], "No such file"),
    ],
)
def test_failing_command_is_told_with_what_it_says(command: list[str], why: str) -> None:
    """It is the host's, and so is the mend."""
    with pytest.raises(DeployFailed, match=why) as failed:
        reload_by(command)()
    assert "picdns.coredns.reload" in failed.value.hint


def test_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds."""
    monkeypatch.setattr("picdns_core.deploy.reload._SECONDS", 0.2)
    with pytest.raises(DeployFailed, match="did not end within"):
        reload_by(["sleep", "60"])()


def test_no_way_to_tell_is_a_config_error() -> None:
    """Where the host passes none either."""
    with pytest.raises(ConfigError, match=r"picdns\.coredns\.reload: is missing"):
        reload_by(None)()
