"""Caddy's admin API (https://caddyserver.com/docs/api)."""

from typing import Any

import requests

from picdns_core.errors import CaddyDown, DeployFailed
from picdns_core.http import Session

_KEPT = "What is served stays so."
_TIMEOUT = (3.0, 15.0)


class Caddy:
    """One running Caddy, spoken to at its admin endpoint, `host:port`."""

    def __init__(self, admin: str, http: Session) -> None:
        self._url = f"http://{admin}"
        self._http = http

    def check(self, caddyfile: str) -> None:
        """Have Caddy parse a Caddyfile without using it; DeployFailed with Caddy's words."""
        self._post("/adapt", caddyfile)

    def load(self, caddyfile: str, *, afresh: bool = False) -> None:
        """Make Caddy use a Caddyfile, whole or not at all.

        The same one twice changes nothing, unless `afresh`: then its files are read again, too.
        """
        self._post("/load", caddyfile, {"Cache-Control": "must-revalidate"} if afresh else {})

    def _post(self, path: str, caddyfile: str, headers: dict[str, str] | None = None) -> None:
        try:
            answer = self._http.post(
                self._url + path,
                data=caddyfile.encode(),
                headers={"Content-Type": "text/caddyfile", **(headers or {})},
                timeout=_TIMEOUT,
            )
        except requests.RequestException as error:
            raise CaddyDown(
                f"Caddy does not answer at {self._url}: {_cause(error)}. {_KEPT}",
                hint="Start Caddy, or correct picdns.caddy.admin; then run `picdns up`.",
            ) from error
        if not answer.ok:
            raise DeployFailed(
                f"Caddy refuses the new Caddyfile: {_said(answer)}. {_KEPT}",
                hint="If it cannot open a file, check picdns.caddy.paths and picdns.files.group.",
            )


def _said(answer: requests.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    said = body.get("error") if isinstance(body, dict) else None
    return str(said or f"status {answer.status_code} from what may not be Caddy")


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error)
