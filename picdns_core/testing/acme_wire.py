"""What a proxy can read of ACME without any key: requests are signed, not secret."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from .serving import Reply, Request


@dataclass(frozen=True)
class Signed:
    """What is in a signed request (RFC 8555, 6.2)."""

    account: str
    """The URL of the account, or nothing when the request makes one."""
    url: str
    payload: dict[str, Any]
    """Empty also for a POST-as-GET."""

    @property
    def identifiers(self) -> frozenset[str]:
        """The names and addresses that an order is for; empty in any other request."""
        return values_of(self.payload.get("identifiers"))


def signed(request: Request) -> Signed | None:
    """Read a request; None when it is not signed."""
    body = _object(request.body)
    protected, payload = (_decoded(body.get(part)) for part in ("protected", "payload"))
    if request.method != "POST" or not isinstance(protected.get("url"), str):
        return None
    return Signed(str(protected.get("kid", "")), protected["url"], payload)


def content(reply: Reply) -> dict[str, Any]:
    """Return the object in a reply, or an empty one."""
    return _object(reply.body) if "json" in (reply.header("Content-Type") or "") else {}


def values_of(identifiers: object) -> frozenset[str]:
    """Return the values in a list of identifiers, in lower case."""
    listed = identifiers if isinstance(identifiers, list) else []
    return frozenset(str(one["value"]).lower() for one in listed if isinstance(one, dict))


def _decoded(part: object) -> dict[str, Any]:
    text = part if isinstance(part, str) else ""
    try:
        return _object(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return {}


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
