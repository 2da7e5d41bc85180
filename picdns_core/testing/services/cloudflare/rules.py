"""What a record has to be like: the checks of a request's fields, and what they become.

Since October 2024 a failed check is answered with its own code, no longer inside a
`DNS Validation Error`: https://github.com/cloudflare/cloudflare-docs/pull/15317
"""

import ipaddress
import re

from picdns_core.testing.services.cloudflare.envelope import Json, Refused

AUTOMATIC = 1
"""The TTL that Cloudflare chooses."""

_PROXIABLE = {"A", "AAAA", "CNAME"}
_TYPES = {*_PROXIABLE, "TXT", "MX", "NS", "CAA"}
# https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/
_LONGEST_COMMENT = 100
_TTLS = range(60, 86400 + 1)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def full_name(name: object, zone: str) -> str:
    """Complete a name: `@` is the zone, and what does not end in the zone's name gets it.

    A name of another zone is no error, it becomes a name below this one:
    https://github.com/NewFuture/DDNS/issues/21
    """
    text = name.rstrip(".").lower() if isinstance(name, str) else ""
    if text == "@":
        return zone
    labels = text.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    if text != "*" and not all(_LABEL.fullmatch(label) for label in labels):
        # https://github.com/timothymiller/cloudflare-ddns/issues/91
        raise Refused(400, 9000, "DNS name is invalid.")
    return text if f".{text}".endswith(f".{zone}") else f"{text}.{zone}"


def checked(fields: Json, zone: str) -> Json:
    """Return the fields of a record as they are kept, with defaults where nothing was said."""
    kind = fields.get("type")
    if kind not in _TYPES:
        raise Refused(400, 1004, f"The stand-in knows no records of the type {kind}.")
    name = full_name(fields.get("name"), zone)
    content = _content(kind, fields)
    proxied = bool(fields.get("proxied"))
    proxiable = kind in _PROXIABLE and _may_be_proxied(content)
    if proxied and kind not in _PROXIABLE:
        # https://github.com/kubernetes-sigs/external-dns/issues/1945
        raise Refused(400, 9004, "This record type cannot be proxied.")
    if proxied and not proxiable:
        # https://github.com/DNSControl/dnscontrol/issues/4776
        raise Refused(400, 9003, f"Target {content} is not allowed for a proxied record.")
    record: Json = {
        "name": name,
        "type": kind,
        "content": content,
        "proxiable": proxiable,
        "proxied": proxied,
        # https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/
        "ttl": AUTOMATIC if proxied else _ttl(fields.get("ttl", AUTOMATIC)),
        "settings": fields.get("settings") or {},
        "meta": {},
        "comment": _comment(fields.get("comment")),
        "tags": _tags(fields.get("tags")),
    }
    if kind == "MX":
        record["priority"] = fields.get("priority", 0)
    if kind == "CAA":
        record["data"] = fields.get("data")
    return record


def _content(kind: str, fields: Json) -> str:
    if kind == "CAA" and isinstance(data := fields.get("data"), dict):
        return f'{data.get("flags", 0)} {data.get("tag")} "{data.get("value")}"'
    content = fields.get("content")
    text = content if isinstance(content, str) else ""
    if kind == "A" and not _is(ipaddress.IPv4Address, text):
        # https://github.com/timothymiller/cloudflare-ddns/issues/230
        raise Refused(400, 9005, "Content for A record must be a valid IPv4 address.")
    if kind == "AAAA":
        if not _is(ipaddress.IPv6Address, text):
            raise Refused(400, 9006, "Content for AAAA record must be a valid IPv6 address.")
        return str(ipaddress.IPv6Address(text))
    if kind in {"CNAME", "MX", "NS"}:
        target = text.rstrip(".").lower()
        if not all(_LABEL.fullmatch(label) for label in target.split(".")):
            # https://github.com/stephenou/fruitionsite/issues/79
            raise Refused(400, 9007, f"Content for {kind} record is invalid.")
        return target
    # TXT is kept as it was sent, in quotation marks or without; only the dashboard adds them:
    # https://github.com/go-acme/lego/pull/2521
    return text


def _is(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _may_be_proxied(content: str) -> bool:
    # Cloudflare cannot reach private networks, loopback among them:
    # https://github.com/cloudflare/python-cloudflare/issues/73
    # Here the loopback stands for the internet, so it counts as public.
    try:
        address = ipaddress.ip_address(content)
    except ValueError:
        return True
    documentation = isinstance(address, ipaddress.IPv4Address) and address in _DOCUMENTATION
    return address.is_global or address.is_loopback or documentation


_DOCUMENTATION = ipaddress.IPv4Network("192.0.2.0/24")
"""May be proxied: https://github.com/stephenou/fruitionsite/issues/104"""


def _ttl(ttl: object) -> int:
    if isinstance(ttl, int | float) and (ttl == AUTOMATIC or ttl in _TTLS):
        return int(ttl)
    # https://github.com/timothymiller/cloudflare-ddns/issues/179
    message = "TTL must be between 60 and 86400 seconds, or 1 for Automatic."
    raise Refused(400, 9021, message)


def _comment(comment: object) -> str | None:
    if not comment:
        return None
    if len(str(comment)) > _LONGEST_COMMENT:
        # https://github.com/STRRL/cloudflare-tunnel-ingress-controller/issues/168
        message = "DNS record comment exceeds the maximum length of 100 characters."
        raise Refused(400, 9313, message)
    return str(comment)


def _tags(tags: object) -> list[str]:
    if isinstance(tags, list) and tags:
        # Free zones have none: https://github.com/kubernetes-sigs/external-dns/issues/3706
        message = f"DNS record has {len(tags)} tags, exceeding the quota of 0."
        raise Refused(400, 9300, message)
    return []
