"""When the CA wants a certificate renewed (RFC 9773)."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cryptography import x509
from msgspec import Meta, Struct, field

from picdns_core.errors import ProviderUnavailable

_MINUTE, _SIX_HOURS, _DAY = 60.0, 6 * 3600.0, 24 * 3600.0
_YEARS = 100  # farther away is no time to renew
_LONGEST_URL = 2000


class RenewalInfo(Struct, frozen=True, kw_only=True):
    """The window in which to renew, in UTC; `retry_after` is in how many seconds to look again.

    `explanation_url` is a page for people, where the CA gives one.
    """

    start: datetime
    end: datetime
    explanation_url: str | None
    retry_after: float


class _Window(Struct, frozen=True):
    start: Annotated[datetime, Meta(tz=True)]
    end: Annotated[datetime, Meta(tz=True)]


class _Answer(Struct, frozen=True):
    window: _Window = field(name="suggestedWindow")
    explanation_url: Any = field(name="explanationURL", default=None)


def certificate_id(fullchain_pem: bytes) -> str | None:
    """Return what renewal information calls the leaf (section 4.1); None where it has no name.

    That is so for one that does not say by which key it was issued, or that is damaged.
    """
    try:
        leaf = x509.load_pem_x509_certificate(fullchain_pem)
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    if issuer.key_identifier is None:
        return None
    serial = leaf.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # with room for the sign
    return f"{_base64url(issuer.key_identifier)}.{_base64url(octets)}"


def parse(body: bytes, retry_after: float | None, now: datetime) -> RenewalInfo:
    """Read an answer; ProviderUnavailable when it makes no sense."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        start, end = (one.astimezone(UTC) for one in (answer.window.start, answer.window.end))
    except (ValueError, OverflowError, RecursionError) as error:
        raise _nonsense(str(error)) from None
    if end <= start:
        raise _nonsense("the window ends before it begins")
    if any(abs(one.year - now.year) > _YEARS for one in (start, end)):
        raise _nonsense(f"the window is from {start:%Y-%m-%d} to {end:%Y-%m-%d}")
    wait = _SIX_HOURS if retry_after is None else retry_after
    return RenewalInfo(
        start=start,
        end=end,
        explanation_url=_shown(answer.explanation_url),
        retry_after=min(max(wait, _MINUTE), _DAY),
    )


def _shown(url: object) -> str | None:
    """Return what may be shown to people as a link."""
    good = isinstance(url, str) and len(url) <= _LONGEST_URL and url.isprintable()
    return str(url) if good and str(url).startswith(("https://", "http://")) else None


def _nonsense(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"What the CA says about when to renew makes no sense: {why[:200]}. "
        "What is served stays so.",
        hint="Nothing to mend: without the CA's word, the lifetime decides.",
    )


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")
