"""Cloudflare's API v4: one small method per call (developers.cloudflare.com/api).

A token is all it needs. It asks nothing that was not called for, and repeats nothing.
"""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from msgspec import Struct
from msgspec.structs import force_setattr

from picdns_cloudflare import errors
from picdns_cloudflare.errors import DNS_EDIT, ZONE_READ, Fault
from picdns_cloudflare.idn import to_ascii, to_unicode
from picdns_core import PicdnsError, Secret

T = TypeVar("T")

TTL = 60
"""Seconds for which what we create may be kept: the least there is, so that a change is soon
seen everywhere. "Automatic" would be 300."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_PER_PAGE = 50  # the most that zones have on a page
_MOST_PAGES = 200
_THROTTLED_CODE = 971


class ZoneId(Struct, frozen=True):
    """A zone of which no more than the id is known: all that it takes to write there."""

    id: str


class Zone(ZoneId, frozen=True):
    """A zone that the token can see; its name is in A-labels, as names of records are."""

    name: str

    def __post_init__(self) -> None:
        # Cloudflare says zones' names in Unicode (cloudflare/cloudflare-go#690).
        force_setattr(self, "name", to_ascii(self.name))

    def covers(self, name: str) -> bool:
        """Say whether a name is in it."""
        return is_within(name, self.name)


def is_within(name: str, suffix: str) -> bool:
    """Say whether a name is the suffix or below it."""
    return name == suffix or name.endswith(f".{suffix}")


class Record(Struct, frozen=True):
    """A DNS record as Cloudflare keeps it; what else it has is not our affair."""

    id: str
    type: str
    name: str
    content: str = ""
    comment: str | None = None


class Cloudflare:
    """The API, with one token and the session of the caller."""

    def __init__(self, http: requests.Session, api_url: str, token: Secret) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self._host = urlsplit(api_url).netloc
        self._token = token

    def zones(self, name: str | None = None) -> list[Zone]:
        """List the zones that the token can see, or the one of exactly this name."""
        query = {"name": to_unicode(name)} if name else {}
        return self._list("/zones", ZONE_READ, Zone, query)

    def zone(self, zone_id: str) -> Zone:
        """Return the zone with this id."""
        return self._read(self._ask("GET", f"/zones/{zone_id}", ZONE_READ).result, Zone)

    def records(self, zone: ZoneId, **filters: str) -> list[Record]:
        """List records that match all of `type`, and exactly `name` and `comment`."""
        query = {key if key == "type" else f"{key}.exact": text for key, text in filters.items()}
        return self._list(_path(zone), DNS_EDIT, Record, query)

    def create(
        self, zone: ZoneId, record_type: str, name: str, content: str, comment: str
    ) -> Record | None:
        """Create a record, unproxied; None when an identical one is there.

        Cloudflare appends the zone to a name that is outside of it. What came of that is removed
        again, and ForeignName raised.
        """
        body = {
            "type": record_type,
            "name": name,
            "content": content,
            "ttl": TTL,
            "proxied": False,
            "comment": comment,
        }
        reply = self._ask("POST", _path(zone), DNS_EDIT, body=body, fine=errors.IDENTICAL)
        if not reply.success:
            return None
        made = self._read(reply.result, Record)
        if made.name.startswith(f"{name}."):
            self.delete(zone, made.id)
            raise errors.outside(name, made.name.removeprefix(f"{name}."))
        return made

    def change(self, zone: ZoneId, record: Record, **fields: str) -> None:
        """Change the fields that are given, `content` or `comment`, and nothing else."""
        path = f"{_path(zone)}/{record.id}"
        self._ask("PATCH", path, DNS_EDIT, body=fields, fine=errors.IDENTICAL)

    def delete(self, zone: ZoneId, record_id: str) -> None:
        """Delete a record; one that is gone is fine."""
        self._ask("DELETE", f"{_path(zone)}/{record_id}", DNS_EDIT, fine=errors.GONE)

    def token_status(self) -> str | None:
        """Return what Cloudflare thinks of the token: active, disabled or expired.

        None where it does not say: of tokens it does not know, and of those of an account.
        """
        try:
            verified = self.verified()
        except PicdnsError:
            return None
        return verified.status if verified else None

    def verified(self) -> "Verified | None":
        """Return what Cloudflare says of the token itself; None where it does not."""
        reply = self._exchange("GET", "/user/tokens/verify")
        return self._read(reply.result, Verified) if reply.success else None

    def prove(self, zone: ZoneId) -> None:
        """Return if the token may change records of the zone; nothing is changed.

        A record that is not there is deleted: only who may delete hears that it is not there.
        """
        self.delete(zone, "0" * 32)

    def _list(self, path: str, needs: str, kind: type[T], query: dict[str, str]) -> list[T]:
        found: list[T] = []
        for page in range(1, _MOST_PAGES + 1):
            paged = query | {"page": str(page), "per_page": str(_PER_PAGE)}
            reply = self._ask("GET", path, needs, query=paged)
            found += self._read(reply.result, list[kind])  # type: ignore[valid-type]
            if page >= reply.pages:
                break
        return found

    def _ask(
        self,
        method: str,
        path: str,
        needs: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        fine: frozenset[int] = frozenset(),
    ) -> "_Reply":
        """Exchange a request for a reply that succeeded, or failed with a code that is `fine`."""
        reply = self._exchange(method, path, query, body)
        if reply.success or errors.codes(reply.errors) & fine:
            return reply
        raise errors.refusal(reply.errors, needs, self.token_status)

    def _exchange(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> "_Reply":
        if not _TOKEN.fullmatch(self._token.reveal()):
            raise errors.malformed("Nothing was sent. What is served stays so.")
        try:
            response = self._http.request(
                method,
                f"{self._api_url}{path}",
                params=query,
                json=body,
                auth=self._authorize,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            why = f"no answer ({type(error).__name__})"
            raise errors.unavailable(why, self._host) from error
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise errors.limited(response)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise errors.unavailable(f"it answers HTTP {status}", self._host)
        try:
            reply = msgspec.json.decode(response.content, type=_Reply)
        except msgspec.MsgspecError:
            told = errors.blocked if status == HTTPStatus.FORBIDDEN else errors.unavailable
            why = f"HTTP {status} with something else than its JSON"
            raise told(why, self._host) from None
        if _THROTTLED_CODE in errors.codes(reply.errors):
            raise errors.limited(response)
        return reply

    def _read(self, result: msgspec.Raw, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(result, type=kind)
        except msgspec.MsgspecError:
            why = "its JSON is not what it documents"
            raise errors.unavailable(why, self._host) from None

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request; as `auth`, so that no .netrc of the host replaces it."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class _Page(Struct, frozen=True):
    total_pages: int = 1


class _Reply(Struct, frozen=True):
    success: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    errors: tuple[Fault, ...] = ()
    result_info: _Page | None = None

    @property
    def pages(self) -> int:
        return self.result_info.total_pages if self.result_info else 1


class Verified(Struct, frozen=True):
    """A token as Cloudflare knows it: active, disabled or expired, and until when."""

    status: str
    expires_on: datetime | None = None


def _path(zone: ZoneId) -> str:
    return f"/zones/{zone.id}/dns_records"
