"""The problems of the protocol, as RFC 9457 has them."""

from typing import Any

BASE = "https://ddns.pic.ngo/problems/"

KINDS = {
    "request-invalid": (400, "The request is malformed"),
    "token-rejected": (401, "The token was rejected"),
    "totp-rejected": (401, "The code was rejected"),
    "totp-used": (401, "The code was used before"),
    "name-not-yours": (403, "The token belongs to another name"),
    "not-found": (404, "There is no such path"),
    "method-not-allowed": (405, "The path does not know this method"),
    "name-taken": (409, "The name is taken"),
    "too-many-challenges": (409, "Too many challenge values"),
    "request-too-large": (413, "The request is too large"),
    "media-type-unsupported": (415, "The body is of another type"),
    "idempotency-key-reused": (422, "The idempotency key was used before"),
    "name-reserved": (422, "The name is reserved"),
    "address-refused": (422, "The address cannot be published"),
    "rate-limited": (429, "Too many calls"),
    "internal": (500, "A fault of the service"),
    "unavailable": (503, "The service is down"),
}
"""Status and title of each type."""


class Problem(Exception):
    """Ends a call with a problem; `fields` are those of its type, `headers` are sent with it."""

    def __init__(
        self, kind: str, detail: str, *, headers: dict[str, str] | None = None, **fields: Any
    ) -> None:
        """Take a type of `KINDS`; `retry_after` is sent as a header too."""
        super().__init__(kind)
        self.status, title = KINDS[kind]
        self.body = {
            "type": BASE + kind,
            "title": title,
            "status": self.status,
            "detail": detail,
            **fields,
        }
        self.headers = headers or {}
        if "retry_after" in fields:
            self.headers |= {"Retry-After": str(fields["retry_after"])}


def invalid(place: str, name: str, detail: str) -> Problem:
    """Say that a field of the body, a header or a part of the path is wrong."""
    return Problem(
        "request-invalid",
        f"{name or 'All'} in the {place}: {detail}",
        errors=[{"in": place, "name": name, "detail": detail}],
    )
