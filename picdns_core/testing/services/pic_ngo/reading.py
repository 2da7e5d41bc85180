"""What a request says, in the forms that the protocol allows, or the problem with it."""

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeVar

import flask
import msgspec

from picdns_core import names

from .problems import Problem, invalid

_NAME_LENGTH = range(3, 64)
_RESERVED = re.compile(
    r"acme|admin|api|autoconfig|autodiscover|ddns|dns|imap|isatap|localhost|mail|mta-sts|pic|smtp"
    r"|status|wpad|www|ns[0-9]+"
)
_CODE = re.compile(r"[0-9]{6}")
_KEY = re.compile(r'"([A-Za-z0-9_-]{22,64})"')
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_FIELD = re.compile(r"`(?:\$\.)?(\w+)`$")

# Older Pythons call some of these global: 6to4 and its relays, Teredo, protocol assignments.
_NOT_GLOBAL = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
B = TypeVar("B", bound=msgspec.Struct)


class NewRegistration(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a registration."""

    name: str
    totp: str


class AddressesPatch(msgspec.Struct, forbid_unknown_fields=True):
    """A merge patch of addresses: absent leaves alone, null removes."""

    ipv4: str | msgspec.UnsetType | None = msgspec.UNSET
    ipv6: str | msgspec.UnsetType | None = msgspec.UNSET


def body(form: type[B], media_type: str) -> B:
    """Decode the body of the current request."""
    if flask.request.mimetype != media_type:
        raise Problem("media-type-unsupported", f"Send {media_type}.")
    try:
        return msgspec.json.decode(flask.request.get_data(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        field = _FIELD.search(str(error))
        raise invalid("body", field[1] if field else "", str(error)) from None


def name(text: str, *, place: str = "path") -> str:
    """Return a name that the protocol allows."""
    try:
        allowed = names.label(text) == text and len(text) in _NAME_LENGTH
    except ValueError:
        allowed = False
    if not allowed:
        raise invalid(place, "name", "A name is one lower-case label of 3 to 63 characters.")
    return text


def reserved(text: str) -> bool:
    """Tell whether the service keeps a name for itself."""
    return _RESERVED.fullmatch(text) is not None


def code(text: str) -> str:
    """Return a TOTP code of the right form."""
    if not _CODE.fullmatch(text):
        raise invalid("body", "totp", "A code is six digits.")
    return text


def idempotency_key() -> str:
    """Return the key of the current request."""
    found = _KEY.fullmatch(flask.request.headers.get("Idempotency-Key", ""))
    if not found:
        raise invalid(
            "header", "Idempotency-Key", "Send 22 to 64 base64url characters in double quotes."
        )
    return found[1]


def bearer() -> str | None:
    """Return the token of the current request, None when there is none."""
    found = _BEARER.fullmatch(flask.request.headers.get("Authorization", ""))
    return found and found[1]


def challenge(text: str) -> str:
    """Return a challenge value of the right form."""
    if not _CHALLENGE.fullmatch(text):
        raise invalid("path", "value", "A value is 43 base64url characters.")
    return text


def address(field: str, text: str, also_global: Iterable[str]) -> str:
    """Return an address in its one right form; `also_global` names networks to admit as well."""
    form = ipaddress.IPv4Address if field == "ipv4" else ipaddress.IPv6Address
    try:
        found = form(text)
    except ValueError:
        raise invalid("body", field, "Not an address of this family.") from None
    if "%" in text:
        raise invalid("body", field, "An address has no zone.")
    if not _is_global(found) and not any(
        found in ipaddress.ip_network(network) for network in also_global
    ):
        raise Problem(
            "address-refused",
            f"{found} is not reachable from the internet.",
            field=field,
            address=text,
        )
    return str(found)


def _is_global(found: Address) -> bool:
    if found.is_multicast or found.is_reserved or any(found in one for one in _NOT_GLOBAL):
        return False
    return found.is_global
