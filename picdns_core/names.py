"""Names as they may enter a certificate, a Caddyfile, a zone file or a path (RFC 1035, 5890)."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_ENDPOINT = re.compile(
    r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(:(?P<port>[0-9]{1,5}))?"
)
_SCHEMES = ("http", "https")
_MAX_NAME = 253
_MAX_PORT = 65535


def label(text: str) -> str:
    """Return `text` as one lower-case A-label; ValueError says what is wrong with it."""
    ascii_text = _to_ascii(text.lower())
    if "." in ascii_text:
        raise ValueError(f"{text!r} is more than one label: it must not contain a dot")
    if not _LABEL.fullmatch(ascii_text):
        raise ValueError(
            f"{text!r} is not a DNS label: 1 to 63 letters, digits and hyphens, "
            "with no hyphen at either end"
        )
    if ascii_text[2:4] == "--":
        _check_a_label(ascii_text)
    return ascii_text


def domain(text: str) -> str:
    """Return `text` as a lower-case domain of two labels or more; ValueError says what is wrong."""
    ascii_text = _to_ascii(text.lower().removesuffix("."))
    labels = ascii_text.split(".")
    if len(labels) < 2:  # noqa: PLR2004
        raise ValueError(f"{text!r} is a single label: a domain has two or more, as home.example")
    if len(ascii_text) > _MAX_NAME:
        raise ValueError(f"{text!r} is longer than {_MAX_NAME} characters")
    if not all(labels):
        raise ValueError(f"{text!r} has a dot too many")
    for part in labels:
        label(part)
    if labels[-1].isdigit():
        raise ValueError(f"{text!r} looks like an IP address: its last label is a number")
    return ascii_text


def normal(text: str) -> str:
    """Return a name as certificates have it, a wildcard too; as it is when it cannot be one."""
    star = "*." if text.startswith("*.") else ""
    try:
        return star + domain(text.removeprefix("*."))
    except ValueError:
        return text


def upstream(text: str) -> str:
    """Return `text` when it is `host:port` or `http(s)://host[:port]`; else ValueError."""
    scheme, separator, rest = text.rpartition("://")
    found = _endpoint(rest)
    if not found or (not found[1] and not separator) or (separator and scheme not in _SCHEMES):
        raise ValueError(
            f"{text!r} is not an upstream: give host:port or http://host:port, as 127.0.0.1:8080"
        )
    return text


def host_port(text: str) -> tuple[str, int]:
    """Split `host:port` (an IPv6 host in brackets); ValueError when it is anything else."""
    found = _endpoint(text)
    if not found or not found[1]:
        raise ValueError(f"{text!r} is not host:port, as localhost:2019")
    return found


def is_address(text: str) -> bool:
    """Say whether `text` is an IPv4 or IPv6 address."""
    return _parses(IPv4Address, text) or _parses(IPv6Address, text)


def _endpoint(text: str) -> tuple[str, int] | None:
    """Split `host[:port]`, the port 0 when it is left out; None when it is anything else."""
    found = _ENDPOINT.fullmatch(text)
    if not found:
        return None
    ipv6, host = found["ipv6"], found["host"]
    if not (_parses(IPv6Address, ipv6) if ipv6 else _is_host(host)):
        return None
    port = int(found["port"] or 0)
    if found["port"] and not 0 < port <= _MAX_PORT:
        return None
    return ipv6 or host, port


def _is_host(text: str) -> bool:
    labels = text.split(".")
    if labels[-1].isdigit():
        return _parses(IPv4Address, text)
    return len(text) <= _MAX_NAME and all(map(_HOST_LABEL.fullmatch, labels))


def _parses(form: Callable[[str], object], text: str) -> bool:
    try:
        form(text)
    except ValueError:
        return False
    return True


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    import idna

    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{text!r} is not a valid international name: {error}") from None


def _check_a_label(text: str) -> None:
    import idna

    try:
        idna.decode(text)
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a valid A-label: {error}") from None
