"""Names as they may enter a certificate, a Caddyfile, a zone file or a path (RFC 1035, 5890)."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
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
    for part in labels:
        label(part)
    if labels[-1].isdigit():
        raise ValueError(f"{text!r} looks like an IP address: its last label is a number")
    return ascii_text


def upstream(text: str) -> str:
    """Return `text` when it is `host:port` or `http(s)://host[:port]`; else ValueError."""
    problem = ValueError(
        f"{text!r} is not an upstream: give host:port or http://host:port, as 127.0.0.1:8080"
    )
    if not text.isascii() or any(not char.isprintable() or char in ' \\"`{}' for char in text):
        raise problem
    scheme, separator, rest = text.rpartition("://")
    if separator and scheme not in ("http", "https"):
        raise problem
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise problem from None
    if not host or parts.netloc != rest or "@" in rest or rest.endswith(":"):
        raise problem
    if (port is None and not separator) or port == 0:
        raise problem
    if not _is_host(host):
        raise problem
    return text


def host_port(text: str) -> tuple[str, int]:
    """Split `host:port` (an IPv6 host in brackets); ValueError when it is anything else."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not _is_host(host) or not port.isdigit() or not 0 < int(port) <= _MAX_PORT:
        raise ValueError(f"{text!r} is not host:port, as localhost:2019")
    return host, int(port)


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= _MAX_NAME and all(map(_HOST_LABEL.fullmatch, text.split(".")))
    return "%" not in text


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
