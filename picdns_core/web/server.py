"""The blueprint on a loopback port or a Unix socket, for those without a host process."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import MisdirectedRequest
from werkzeug.serving import WSGIRequestHandler, make_server

from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.runner import Runner
from picdns_core.web.blueprint import create_blueprint
from picdns_core.web.login import Login

_FIRST_PAGE = "/api/domain"


class Server:
    """Serves one cell to who has `url`; `listen` is `127.0.0.1:8043`, `[::1]:0` or `unix:PATH`."""

    def __init__(self, runner: Runner, listen: str) -> None:
        """Listen already; ConfigError when `listen` is open to others, or is no address."""
        login, app = Login(), Flask("picdns")
        self._blueprint = create_blueprint(runner, login.authorize)
        app.register_blueprint(self._blueprint)
        app.register_blueprint(login.blueprint(_FIRST_PAGE))
        self._path = _path(listen)
        family, address = (socket.AF_UNIX, str(self._path)) if self._path else _loopback(listen)
        self._listener = _listening(family, address, listen)
        name, port = ("localhost", 0) if self._path else self._listener.getsockname()[:2]
        self._server = make_server(
            f"unix://{self._path}" if self._path else name,
            port,
            app,
            threaded=True,
            request_handler=_Quiet,
            fd=self._listener.fileno(),
        )
        bracketed = f"[{name}]" if ":" in name else name
        host = "localhost" if self._path else f"{bracketed}:{port}"
        self.url = f"http://{host}/login?code={login.code}"
        """Opens the session, once."""
        if not self._path:
            app.before_request(lambda: _check_host({host, f"localhost:{port}"}))

    def run(self) -> None:
        """Serve until `close`."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()
            self._listener.close()
            if self._path:
                self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """End, with what is under way; from another thread."""
        self._server.shutdown()
        self._blueprint.jobs.close()


class _Quiet(WSGIRequestHandler):
    """Keeps the URL of the login, and all others, out of the log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _check_host(ours: set[str]) -> None:
    """Refuse names that somebody else has let lead to us (DNS rebinding)."""
    if request.host not in ours:
        raise MisdirectedRequest(f"This is {min(ours)}.")


def _path(listen: str) -> Path | None:
    if not listen.startswith("unix:"):
        return None
    path = Path(listen.removeprefix("unix:")).absolute()
    if not path.parent.is_dir():
        raise ConfigError("--listen", f"there is no directory {path.parent}.", hint="Make it.")
    return path


def _loopback(listen: str) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        parts = urlsplit(f"//{listen}")
        host, port = ip_address(parts.hostname or ""), parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or not host.is_loopback:
        raise ConfigError(
            "--listen",
            f"{listen} is no port of this host alone.",
            hint="As 127.0.0.1:8043, [::1]:8043 or unix:/run/picdns.sock. To reach it from "
            "elsewhere: ssh -L 8043:127.0.0.1:8043.",
        )
    return socket.AF_INET6 if host.version == 6 else socket.AF_INET, (str(host), port)  # noqa: PLR2004


def _listening(
    family: socket.AddressFamily, address: str | tuple[str, int], listen: str
) -> socket.socket:
    if isinstance(address, str):
        _remove_what_was_left(address)
    listener = socket.socket(family, socket.SOCK_STREAM)
    before = os.umask(0o177)  # a path is ours alone from its first moment
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PicdnsError(
            f"Nothing can listen at {listen}: {error.strerror}.",
            hint="Another process may be there: choose another place by --listen.",
        ) from None
    finally:
        os.umask(before)
    return listener


def _remove_what_was_left(path: str) -> None:
    """Remove the socket of a server that was killed: nobody answers there."""
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
        except OSError:
            return
