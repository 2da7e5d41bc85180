"""HTTP-01 (RFC 8555, section 8.3): answers in the webroot, and a look from outside."""

import logging
import secrets
import threading
import time
from contextlib import ExitStack
from typing import Self

import requests

from picdns_core.errors import ChallengeFailed
from picdns_core.model import Progress, Step
from picdns_core.secret import one_line
from picdns_core.store import Store

PATH = "/.well-known/acme-challenge/"
_PROBE_TIMEOUT = (2.0, 3.0)
_LONGEST_ANSWER = 256
_log = logging.getLogger(__name__)


class Http01Responder:
    """Shows the CA what it asks for; used by several orders at a time.

    `port` is where the CA asks. With `listen` we answer there ourselves, from the first answer
    on until the responder is left; else Caddy does, from the webroot.
    """

    def __init__(self, store: Store, port: int, *, listen: bool, progress: Progress) -> None:
        self._store = store
        self._port = port
        self._progress = progress
        self._must_listen = listen
        self._guard = threading.Lock()
        self._listeners = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listeners.close()

    def publish(self, token: str, key_authorization: str) -> None:
        """Answer this token; ChallengeFailed when we may not listen where the CA asks."""
        with self._guard:
            if self._must_listen:
                self._listen()
                self._must_listen = False
        self._store.put(f"webroot/{token}", key_authorization.encode())

    def withdraw(self, token: str) -> None:
        self._store.delete(f"webroot/{token}")

    def self_probe(self, name: str, token: str) -> None:
        """Ask for a token of ours as the CA will; ChallengeFailed when something else answers.

        Many routers cannot reach themselves, so an answer that does not come proves nothing
        and is only said.
        """
        expected = secrets.token_urlsafe(16)
        port = "" if self._port == 80 else f":{self._port}"  # noqa: PLR2004
        self.publish(token, expected)
        try:
            url = f"http://{name}{port}{PATH}{token}"
            with requests.get(url, timeout=_PROBE_TIMEOUT, stream=True) as answer:
                body = _beginning(answer)
        except requests.RequestException as error:
            _log.info(
                "self-probe of %s failed: %s",
                name,
                one_line(str(error)),
                extra={"event": "self_probe_failed", "domain": name},
            )
            self._progress(
                Step(text="Not reachable from here, as behind many routers; going on", name=name)
            )
            return
        finally:
            self.withdraw(token)
        if body != expected.encode():
            raise ChallengeFailed(
                f"http://{name}{port} is answered by something else (status {answer.status_code}), "
                "so the CA was not asked. What is served stays so.",
                hint="Let port 80 of this name lead to the cell's Caddy: check DNS, the router's "
                "port forwarding, and proxies in front.",
            )

    def _listen(self) -> None:
        from picdns_core.issuing import listener

        servers = listener.bind(self._port, self._store)
        for server in servers:
            self._listeners.enter_context(listener.serving(server))
        if not servers:
            self._progress(
                Step(
                    text=f"Port {self._port} is in use: its server must serve {PATH} "
                    "from our webroot"
                )
            )


def _beginning(answer: requests.Response) -> bytes:
    """Read as much as an answer can have, from a server that may never end or be slow."""
    deadline, body = time.monotonic() + _PROBE_TIMEOUT[1], b""
    for byte in answer.iter_content(1):
        body += byte
        if len(body) > _LONGEST_ANSWER or time.monotonic() > deadline:
            break
    return body.strip()
