"""Whether the token is good: valid, for how long, and for the zone of the domain."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from picdns_cloudflare.client import Cloudflare
from picdns_cloudflare.zones import Zones
from picdns_core import Finding, PicdnsError

_SOON = timedelta(days=30)
_RENEW = (
    "At Cloudflare, open My Profile > API Tokens: roll the token, or make a new one without an "
    "end, and set it by `picdns init --secret token=@FILE`."
)


def examine(cloudflare: Cloudflare, zones: Zones, domain: str) -> Iterator[Finding]:
    """Ask what Cloudflare knows of the token, and try what a renewal will have to do."""
    verified = cloudflare.verified()
    ends = verified.expires_on if verified else None
    until = f", until {ends:%Y-%m-%d %H:%M} UTC" if ends else ""
    evidence = f"Cloudflare says: {verified.status}{until}" if verified else ""
    if verified and verified.status != "active":
        yield _bad(f"The Cloudflare API token is {verified.status}", _RENEW, evidence)
        return
    try:
        zones.within(domain, cloudflare.prove)
    except PicdnsError as error:
        yield _bad(error.message, error.hint, evidence)
        return
    if ends and ends - datetime.now(UTC) < _SOON:
        text = f"The Cloudflare API token ends at {ends:%Y-%m-%d %H:%M} UTC: afterwards nothing is "
        yield _bad(f"{text}renewed or published any more", _RENEW, evidence)
    else:
        text = f"The Cloudflare API token may change the records of {domain}{until}"
        yield Finding(name="token", ok=True, finding=text, evidence=evidence)


def _bad(finding: str, mend: str, evidence: str) -> Finding:
    return Finding(name="token", ok=False, finding=finding, mend=mend, evidence=evidence)
