"""The protocol of ddns.pic.ngo, version 1: all of its paths, fields, headers and problem types.

docs/ddns-protocol.md says what each call means. To match another interface, change this module.
"""

import re
import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, TypeVar
from urllib.parse import quote

import msgspec
import requests
from msgspec import Meta, Struct

from picdns_core import Addresses, PicdnsError, Publication, Secret
from picdns_pic_ngo import errors
from picdns_pic_ngo.errors import Signal
from picdns_pic_ngo.totp import STEP, Codes, check_clock

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""What names look like; the service reserves some of them."""

MOST_CHALLENGES = 10
"""How many challenge values a name can hold."""

_VERSION = "/v1"
_PROBLEMS = "https://ddns.pic.ngo/problems/"
_TOKEN = re.compile(r"\A[A-Za-z0-9._~+/-]+=*\Z")  # RFC 6750, section 2.1


class _Answer(Struct, frozen=True, kw_only=True):
    time: Annotated[datetime, Meta(tz=True)]


class _Availability(_Answer, frozen=True, kw_only=True):
    available: bool


class _Registered(_Answer, frozen=True, kw_only=True):
    token: Annotated[str, Meta(pattern=_TOKEN.pattern)]


class _Registration(_Answer, frozen=True, kw_only=True):
    name: str


class _Addresses(_Answer, frozen=True, kw_only=True):
    ipv4: IPv4Address | None
    ipv6: IPv6Address | None
    changed: bool


class _Changed(_Answer, frozen=True, kw_only=True):
    changed: bool


class _Problem(Struct, frozen=True, kw_only=True):
    type: str
    detail: str = ""
    time: Annotated[datetime, Meta(tz=True)] | None = None
    token_name: str = ""
    address: str = ""
    retry_after: Annotated[float, Meta(ge=0)] = STEP


_REFUSALS: dict[str, Callable[[_Problem, str], PicdnsError | Signal]] = {
    "token-rejected": lambda _, name: errors.TokenRejected(name),
    "totp-rejected": lambda _, name: errors.CodeRejected(name),
    "totp-used": lambda problem, name: errors.CodeUsed(name, problem.retry_after),
    "name-not-yours": lambda problem, name: errors.OtherName(name, problem.token_name),
    "name-taken": lambda _, name: errors.taken(name),
    "name-reserved": lambda _, name: errors.reserved(name),
    "idempotency-key-reused": lambda _, name: errors.KeyReused(name),
    "too-many-challenges": lambda _, name: errors.crowded(name),
    "address-refused": lambda problem, _: errors.not_global(problem.address),
}
"""What is decided by the problem's type; all else by the status."""

A = TypeVar("A", bound=_Answer)
_Prove = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class PicNgo:
    """The service, asked through the caller's session; a name is the label before `.pic.ngo`.

    All calls raise errors of picdns and, for their caller to act on, signals: those with a token
    TokenRejected when the service does not know it, and OtherName when it opens another name.
    """

    def __init__(self, http: requests.Session, api_url: str) -> None:
        self._http = http
        self._url = api_url.rstrip("/") + _VERSION
        self._offset = self._doubt = 0.0  # of our clock to the service's, at the last answer

    def is_free(self, name: str) -> bool:
        """Say whether a name can be registered now; only registering decides."""
        return self._ask(_Availability, "GET", f"/names/{_quoted(name)}", name).available

    def register(self, name: str, key: Secret, codes: Codes) -> Secret:
        """Register a name and return its token; with the same key again, the same token.

        Raises NameTaken, KeyReused, ClockSkewed, CodeRejected (the secret is wrong) or CodeUsed
        (the next code will do; the error says when it comes).
        """
        self.is_free(name)  # tells the time: codes by a wrong clock sometimes work, mostly not
        check_clock(self._offset, self._doubt)
        body = {"name": name, "totp": codes.at(time.time() - self._offset)}
        try:
            answer = self._ask(_Registered, "POST", "/registrations", name, key=key, body=body)
        except errors.CodeRejected:
            check_clock(self._offset, self._doubt)
            raise
        return Secret(answer.token)

    def prove(self, name: str, token: Secret) -> None:
        """Return if the token opens the name."""
        self._ask(_Registration, "GET", _registration(name), name, token=token)

    def publish_addresses(self, name: str, token: Secret, addresses: Addresses) -> Publication:
        """Publish addresses; a family that is None is left alone.

        Returns what is published of both families now.
        """
        known = {"ipv4": addresses.ipv4, "ipv6": addresses.ipv6}
        patch = {family: str(address) for family, address in known.items() if address}
        path = f"{_registration(name)}/addresses"
        answer = self._ask(_Addresses, "PATCH", path, name, token=token, body=patch)
        published = Addresses(ipv4=answer.ipv4, ipv6=answer.ipv6)
        return Publication(addresses=published, changed=answer.changed)

    def publish_challenge(self, name: str, token: Secret, value: str) -> bool:
        """Put a value beside those that are there; False when it was there."""
        path = f"{_registration(name)}/challenges/{_quoted(value)}"
        return self._ask(_Changed, "PUT", path, name, token=token).changed

    def withdraw_challenge(self, name: str, token: Secret, value: str) -> bool:
        """Remove this value and no other; False when it was not there."""
        path = f"{_registration(name)}/challenges/{_quoted(value)}"
        return self._ask(_Changed, "DELETE", path, name, token=token).changed

    def deregister(self, name: str, token: Secret) -> bool:
        """Give the name up, with all that is published; False when it was given up before."""
        return self._ask(_Changed, "DELETE", _registration(name), name, token=token).changed

    def _ask(
        self,
        kind: type[A],
        method: str,
        path: str,
        name: str,
        *,
        token: Secret | None = None,
        key: Secret | None = None,
        body: dict[str, str] | None = None,
    ) -> A:
        if token and not _TOKEN.fullmatch(token.reveal()):
            raise errors.malformed_token()

        def prove(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if token:
                request.headers["Authorization"] = f"Bearer {token.reveal()}"
            if key:
                request.headers["Idempotency-Key"] = f'"{key.reveal()}"'
            return request

        response = self._send(method, path, body, prove)
        if not response.ok:
            raise self._refusal(response, name)
        answer = _read(response, kind)
        if answer is None:
            raise errors.unavailable(f"HTTP {response.status_code} with something else than JSON")
        self._compare(answer.time)
        return answer

    def _send(
        self, method: str, path: str, body: dict[str, str] | None, prove: _Prove
    ) -> requests.Response:
        media_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        sent = time.time()
        try:
            response = self._http.request(
                method,
                self._url + path,
                data=None if body is None else msgspec.json.encode(body),
                headers={} if body is None else {"Content-Type": media_type},
                auth=prove,  # so that no .netrc of the host takes its place
                allow_redirects=False,
            )
        except requests.RequestException as error:
            failure = type(error).__name__
        else:
            self._doubt = (time.time() - sent) / 2
            return response
        # Not raised above: the frames of what led to it hold the token.
        raise errors.unavailable(f"no answer ({failure})")

    def _refusal(self, response: requests.Response, name: str) -> PicdnsError | Signal:
        """Say what an answer means that is no success."""
        status = response.status_code
        problem = _read(response, _Problem)
        if problem and problem.time:
            self._compare(problem.time)
        if problem and (known := _REFUSALS.get(problem.type.removeprefix(_PROBLEMS))):
            return known(problem, name)
        asked = response.headers.get("Retry-After", "")
        wait = float(asked) if asked.isdecimal() else None
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return errors.limited(wait)
        if problem is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return errors.unavailable(f"it answers HTTP {status}", wait)
        said = f"{problem.detail.rstrip('.') or problem.type} (HTTP {status})."
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return errors.unauthorized(said)
        return errors.refused(said)

    def _compare(self, theirs: datetime) -> None:
        """Note how far our clock is ahead of theirs, in the middle of the exchange."""
        self._offset = time.time() - self._doubt - theirs.timestamp()


T = TypeVar("T", bound=Struct)


def _read(response: requests.Response, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(
            response.content, type=kind, dec_hook=lambda made, text: made(text)
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _registration(name: str) -> str:
    return f"/registrations/{_quoted(name)}"


def _quoted(part: str) -> str:
    return quote(part, safe="")
