"""The public address of this host: as it is seen now, and as it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picdns_core.address.finding import Finding
from picdns_core.model import Addresses
from picdns_core.tracing.legs import Leg, good, note, wrong

if TYPE_CHECKING:
    from picdns_core.job import Job
    from picdns_core.store.published import Published


def address_leg(job: Job, finding: Finding | None, published: Published | None) -> Leg:
    """Say which address this host has for the internet; no finding means no answer in time."""
    settings = job.picdns.address
    if settings.ipv4 == settings.ipv6 == "off":
        text = "picdns does not look for the public address: picdns.address.ipv4 and ipv6 are off"
        return note("address", text)
    if finding is None:
        hint = "See whether this host may ask out on ports 443 and 53."
        return wrong("address", "Nobody said this host's public address in time", hint)
    seen = _known(finding.addresses)
    kept = _known(published.confirmed.addresses) if published else None
    facts = {
        "seen": seen,
        "published": kept,
        "verdicts": [one.kind for one in finding.verdicts],
    }
    said = _said(finding, seen, kept)
    bad = [one for one in finding.verdicts if one.kind != "absent"]
    hint = " ".join(one.hint for one in bad)
    if not seen:
        mend = "Check the internet connection, and that picdns may ask out on ports 443 and 53."
        return wrong("address", said, hint or mend, **facts)
    if kept is not None and not set(seen) <= set(kept):
        mend = "The heartbeat publishes it at its next look, unless `picdns status` says why not; "
        return wrong("address", said, f"{mend}`picdns up` does it at once.", **facts)
    return note("address", said, hint, **facts) if bad else good("address", said, **facts)


def _said(finding: Finding, seen: list[str], kept: list[str] | None) -> str:
    by = ", ".join(sorted({*finding.ipv4.said_by, *finding.ipv6.said_by}))
    said = f"{' and '.join(seen)}, by {by}" if seen else "Nobody says any"
    if kept is not None:
        said += f"; published: {' and '.join(kept) or 'none'}"
    return ". ".join([said, *(one.text for one in finding.verdicts)])


def _known(addresses: Addresses) -> list[str]:
    return [str(one) for one in (addresses.ipv4, addresses.ipv6) if one]
