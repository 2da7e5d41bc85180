"""What Cloudflare's refusals mean, and what to do about each.

Codes are not in Cloudflare's reference; those named here were seen in public reports, as of
terraform-provider-cloudflare, ddns-go and favonia/cloudflare-ddns. Cloudflare's own words follow
ours in each message.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from picdns_core import (
    AuthenticationFailed,
    ForeignName,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)

if TYPE_CHECKING:
    import requests

DNS_EDIT = "Zone.DNS: Edit"
ZONE_READ = "Zone.Zone: Read"

IDENTICAL = frozenset({81057, 81058})
GONE = frozenset({81044})

_MALFORMED = frozenset({6003, 6111})
_TOKEN = frozenset({1000, 9106, 9109, 10000, 10001})
_ALIAS = frozenset({81053, 81054})
_NO_SUCH_ZONE = frozenset({1001, 7000, 7003})
_NO_PERMISSION = ("requires permission", "Unauthorized to access")
_BLOCKED = 300.0  # "all API calls for the next five minutes will be blocked"

_HOST = "api.cloudflare.com"
_WHERE = "At Cloudflare, open My Profile > API Tokens > the token > Edit"


class PermissionLacking(AuthenticationFailed):
    """The token is good, and may not do what was asked; AuthenticationFailed once it is `told`."""


@contextmanager
def told() -> Iterator[None]:
    """Let errors leave the plugin as the types that picdns knows."""
    try:
        yield
    except PermissionLacking as lacking:
        raise AuthenticationFailed(lacking.message, hint=lacking.hint) from None


class Fault(Struct, frozen=True):
    """One error of an answer; the chain holds what led to it."""

    code: int = 0
    message: str = ""
    error_chain: tuple["Fault", ...] = ()


def codes(faults: tuple[Fault, ...]) -> frozenset[int]:
    """Return all codes, those of chains too."""
    return frozenset(fault.code for fault in _flat(faults))


def refusal(
    faults: tuple[Fault, ...], needs: str, token_status: Callable[[], str | None]
) -> PicdnsError:
    """Say why a call that `needs` a permission was refused.

    `token_status` asks what Cloudflare thinks of the token itself, where that makes a difference.
    """
    found = codes(faults)
    words = "; ".join(f"{fault.message.rstrip('.')} ({fault.code})" for fault in _flat(faults))
    said = f"What is served stays so. Cloudflare says: {words or 'nothing'}."
    if found & _MALFORMED:
        return malformed(said)
    if "from location" in words:
        return AuthenticationFailed(
            f"The Cloudflare API token may not be used from this address. {said}",
            hint=f"{_WHERE}: remove Client IP Address Filtering, or add this address, IPv4 "
            "and IPv6. The address of a home changes.",
        )
    if any(part in words for part in _NO_PERMISSION):
        return _lacking(needs, said)
    if found & _TOKEN:
        status = token_status()
        return _lacking(needs, said) if status == "active" else _unaccepted(status, needs, said)
    return _request_refused(found, said)


def malformed(said: str) -> PicdnsError:
    """Say that the token cannot be one."""
    return AuthenticationFailed(
        f"The Cloudflare API token is malformed. {said}",
        hint="Set it again, exactly as it was shown when it was made. A Global API Key is no "
        "token.",
    )


def unavailable(why: str, host: str) -> PicdnsError:
    """Say that Cloudflare's API is down, unreachable or does not answer as itself.

    A `host` that is not Cloudflare's was set by somebody, and is named.
    """
    lasting = (
        "see www.cloudflarestatus.com and what stands between this server and the internet."
        if host == _HOST
        else f"see whether {host}, which was asked, is right; leave ddns.api_url out to ask "
        "Cloudflare itself."
    )
    return ProviderUnavailable(
        f"The Cloudflare API does not work just now: {why}. What is served stays so.",
        hint=f"Try again later. If it lasts, {lasting}",
    )


def blocked(why: str, host: str) -> PicdnsError:
    """Say that a page, and not the API, forbids what was asked."""
    outage = unavailable(why, host)
    return ProviderUnavailable(
        outage.message,
        hint="A proxy or firewall, this network's or Cloudflare's, may block this server. "
        f"{outage.hint}",
    )


def limited(response: "requests.Response") -> PicdnsError:
    """Say how long Cloudflare wants us to wait.

    Source: developers.cloudflare.com/fundamentals/api/reference/limits.
    """
    wait = _wait(response)
    return RateLimited(
        f"Cloudflare asks to wait {wait:.0f} seconds before the next request. What is served "
        "stays so.",
        retry_after=wait,
        hint="All that uses the account of this token counts together: 1200 requests in five "
        "minutes. Try again later.",
    )


def outside(name: str, zone: str) -> PicdnsError:
    """Say that a name is not in the zone that was named."""
    return ForeignName(
        f"{name} is not in the zone {zone}, whose id is given. Nothing was changed.",
        hint="Set ddns.zone_id to the Zone ID of the zone that the domain is in, or leave it out.",
    )


def unlisted(name: str) -> PicdnsError:
    """Say that nobody knows which zone a name is in, for the token may not list zones."""
    return ForeignName(
        f"{name} is in no zone that the Cloudflare API token is known to write to, and it lacks "
        f"the permission {ZONE_READ} to find another. Nothing was changed.",
        hint=f"{_WHERE}: add the permission {ZONE_READ}, and include the zone that {name} is in "
        "under Zone Resources.",
    )


def unseen(zone: str, mark: str, names: Iterable[str]) -> PicdnsError:
    """Say what is to be removed by hand in a zone that the token does not see any more."""
    return ForeignName(
        f"The Cloudflare API token does not see the zone {zone} any more, so what this cell has "
        "there was not removed. What is served stays so.",
        hint=f"If the zone is still there: include it in the token and try again, or open {zone} "
        f"> DNS > Records at Cloudflare and delete what has the comment `{mark}` at "
        f"{', '.join(sorted(names))}.",
    )


def _request_refused(found: frozenset[int], said: str) -> PicdnsError:
    if found & _ALIAS:
        return ProviderError(
            f"Another record at this name stands in the way, as a CNAME does. {said}",
            hint="A name that has a CNAME can have nothing else. At Cloudflare, remove the CNAME, "
            "or choose another domain.",
        )
    if found & _NO_SUCH_ZONE:
        return ForeignName(
            f"Cloudflare has no zone with this id. {said}",
            hint="See at Cloudflare whether the zone is there. Where ddns.zone_id is set, it must "
            "be the Zone ID on the zone's overview page.",
        )
    return ProviderError(
        f"Cloudflare refuses what it was asked for. {said}",
        hint="Its own words above say why.",
    )


def _lacking(needs: str, said: str) -> PicdnsError:
    otherwise = " Or set ddns.zone_id." if needs == ZONE_READ else ""
    return PermissionLacking(
        f"The Cloudflare API token lacks the permission {needs} for this zone. {said}",
        hint=f"{_WHERE}: add the permission {needs}, and include the zone under Zone "
        f"Resources.{otherwise}",
    )


def _unaccepted(status: str | None, needs: str, said: str) -> PicdnsError:
    return AuthenticationFailed(
        f"Cloudflare does not accept the API token: it is {status or 'unknown'}. {said}",
        hint="Make a new one at My Profile > API Tokens and set it by "
        "`picdns init --secret token=@FILE`. If it is a token of an account, not of a user, it "
        f"may lack the permission {needs} instead.",
    )


def _flat(faults: tuple[Fault, ...]) -> Iterator[Fault]:
    for fault in faults:
        yield fault
        yield from _flat(fault.error_chain)


def _wait(response: "requests.Response") -> float:
    """Read Retry-After, or from Ratelimit (`"default";r=0;t=30`) when the window resets."""
    asked = response.headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    resets = re.findall(r"\bt=(\d+)", response.headers.get("Ratelimit", ""))
    return max(map(float, resets), default=_BLOCKED)
