"""Caddy's admin API (https://caddyserver.com/docs/api)."""

import json
from collections.abc import Mapping
from typing import Any

import requests

from picdns_core.errors import CaddyDown, DeployFailed
from picdns_core.http import Session

_KEPT = "What is served stays so."
_TIMEOUT = (3.0, 15.0)
_AFRESH = {"Cache-Control": "must-revalidate"}
_NONE: Mapping[str, str] = {}

Config = dict[str, Any]
"""What Caddy works with, as JSON; a Caddyfile is turned into it."""


class Caddy:
    """One running Caddy, spoken to at its admin endpoint, `host:port`."""

    def __init__(self, admin: str) -> None:
        self._admin = admin
        self._url = f"http://{admin}"
        self._http = Session()
        self._http.trust_env = False  # Caddy is ours: no proxy of the environment leads to it

    def adapt(self, caddyfile: str) -> Config:
        """Have Caddy turn a Caddyfile into its config, without using it.

        DeployFailed with Caddy's words when it cannot.
        """
        answer = self._ask("POST", "/adapt", caddyfile.encode(), {"Content-Type": "text/caddyfile"})
        try:
            return dict(answer.json()["result"])
        except (ValueError, KeyError, TypeError):
            raise self._is_not_caddy() from None

    def load(self, config: Config, *, afresh: bool = False) -> None:
        """Make Caddy use a config, whole or not at all.

        The same one twice changes nothing, unless `afresh`: then its files are read again, too.
        """
        self._load(json.dumps(config).encode(), _AFRESH if afresh else _NONE)

    def running(self) -> bytes:
        """Return the config that Caddy uses now, as JSON, for `restore`."""
        answer = self._ask("GET", "/config/")
        try:
            config = answer.json()
        except ValueError:
            raise self._is_not_caddy() from None
        return answer.content if config else b'{"admin": {"listen": "%s"}}' % self._admin.encode()

    def restore(self, config: bytes) -> None:
        """Make Caddy use again what `running` returned."""
        self._load(config, _AFRESH)

    def _load(self, config: bytes, headers: Mapping[str, str]) -> None:
        self._ask("POST", "/load", config, {"Content-Type": "application/json", **headers})

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NONE
    ) -> requests.Response:
        try:
            answer = self._http.request(
                method, self._url + path, data=body, headers=headers, timeout=_TIMEOUT
            )
        except requests.RequestException as error:
            raise CaddyDown(
                f"Caddy does not answer at {self._url}: {_cause(error)}. {_KEPT}",
                hint="Start Caddy, or correct picdns.caddy.admin; then run `picdns up`.",
            ) from error
        if not answer.ok:
            raise DeployFailed(
                f"Caddy refuses the new Caddyfile: {_said(answer)}. {_KEPT}",
                hint="If it names a file of yours, mend that. If it cannot open a file, check "
                "picdns.caddy.paths, picdns.files.group, and whether its user may enter every "
                "directory above.",
            )
        return answer

    def _is_not_caddy(self) -> DeployFailed:
        return DeployFailed(
            f"What answers at {self._url} is not Caddy. {_KEPT}",
            hint="Correct picdns.caddy.admin.",
        )


def _said(answer: requests.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    said = body.get("error") if isinstance(body, dict) else None
    return str(said or f"status {answer.status_code} from what may not be Caddy").strip()


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error)
