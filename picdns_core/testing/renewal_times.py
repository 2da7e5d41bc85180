"""What a CA says about the time of a renewal (RFC 9773): names, windows and nonsense."""

import base64
import datetime as dt
import json
from typing import Any, Final, Literal

from cryptography import x509

RenewalInfo = Literal["on", "off", "past", "far", "missing", "garbage"]
"""How a CA answers about renewals: see `TimeMachine.renewal_info`."""

NONSENSE: Final = (
    "<html>It works!</html>",
    "[]",
    '{"suggestedWindow": null}',
    '{"suggestedWindow": {"start": 20310101, "end": true}}',
    '{"suggestedWindow": {"start": "soon", "end": "later"}}',
    '{"suggestedWindow": {"start": "2031-02-30T00:00:00Z", "end": "9999999-01-01T00:00:00Z"}}',
    '{"suggestedWindow": {"start": "2031-01-02T00:00:00Z", "end": "2031-01-01T00:00:00Z"}}',
    "",
)
"""Bodies of a 200 from which no window can be read."""


def certificate_id(certificate: x509.Certificate) -> str:
    """Return the unique identifier of a certificate in renewal info and `replaces`."""
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    serial = certificate.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    parts = (found.value.key_identifier or b"", octets)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def serial_in(identifier: str) -> int | None:
    """Return the serial number in the unique identifier of a certificate."""
    serial = identifier.rpartition(".")[2]
    try:
        return int.from_bytes(base64.urlsafe_b64decode(serial + "=" * (-len(serial) % 4)), "big")
    except ValueError:
        return None


def suggest(start: dt.datetime, end: dt.datetime) -> bytes:
    """Return renewal info with this window."""
    window = {"start": timestamp(start), "end": timestamp(end)}
    return json.dumps({"suggestedWindow": window}).encode()


def suggested(body: bytes) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the window in renewal info, or None when it has none that makes sense."""
    try:
        window: Any = json.loads(body)["suggestedWindow"]
        start, end = (dt.datetime.fromisoformat(window[edge]) for edge in ("start", "end"))
    except (ValueError, LookupError, TypeError):
        return None
    return (start, end) if start.tzinfo and end.tzinfo and start < end else None


def timestamp(moment: dt.datetime) -> str:
    """Write a moment as ACME does (RFC 3339)."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
