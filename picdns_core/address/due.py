"""When addresses are sent, and when it is better not to."""

from datetime import datetime, timedelta
from typing import Literal

from picdns_core.address.standing import Standing
from picdns_core.errors import AddressDisputed, PicdnsError, PropagationTimeout
from picdns_core.model import Addresses
from picdns_core.store.published import Published, age, merged

Reason = Literal["changed", "unconfirmed", "drifted", "old"]
Turn = Reason | Literal["check"]
"""Why the service is asked; to `check` is to let it compare what a proxy hides."""

WEEK = timedelta(days=7)

_AGREED = timedelta(days=25)  # DuckDNS and others let go of names that are not updated for a month
_CHECKED = timedelta(hours=1)
_REMEMBERED = timedelta(hours=1)  # longer than any resolver remembers an address of ours
_PATIENCE = timedelta(minutes=4)  # shorter than from one tick to the next
_REPAIRS = 2


def due(
    kept: Published, found: Addresses, stands: Standing, now: datetime, *, at_once: bool = False
) -> Turn | None:
    """Say why the addresses that were found are to be sent; None when they are not."""
    if found == Addresses():
        known = kept.confirmed.addresses != Addresses()
        return "old" if known and age(kept.updated_at, now) >= _AGREED else None
    if differ(kept, found):
        return "changed"
    absent = stands.kind == "absent" and (stands.fresh or age(kept.updated_at, now) >= _REMEMBERED)
    if kept.sent:
        waited = at_once or age(kept.sent_at, now) >= _PATIENCE
        if waited and (absent or not kept.accepted):
            return "unconfirmed"
    elif absent:
        return "drifted"
    if stands.kind == "proxied" and age(kept.updated_at, now) >= _CHECKED:
        return "check"
    return "old" if age(kept.updated_at, now) >= _AGREED else None


def differ(kept: Published, found: Addresses) -> bool:
    """Tell whether what was found is something else than what should stand in DNS."""
    return merged(kept.expected, found) != kept.expected


def confirmed(kept: Published, stands: Standing) -> bool:
    """Tell whether what was sent is published: DNS shows it, or cannot and the service agreed."""
    return stands.kind == "shown" or (stands.kind == "proxied" and kept.accepted)


def is_repair(kept: Published, turn: Turn) -> bool:
    """Tell whether sending would undo what DNS shows though the service had agreed to ours."""
    return turn in ("drifted", "check") or (turn == "unconfirmed" and kept.accepted)


def obstacle(
    kept: Published, turn: Turn, stands: Standing, now: datetime, service: str
) -> PicdnsError | None:
    """Return why it must not be sent though it is due: it was put right often enough lately."""
    lately = [one for one in kept.repairs if one.there == stands.there and age(one.at, now) < WEEK]
    if not is_repair(kept, turn) or len(lately) < _REPAIRS:
        return None
    there = words(stands.there) or "no address"
    ours = in_words(kept.expected)
    if any(one.changed for one in lately):
        shows = (
            f"What {kept.domain} leads to is hidden by {service}'s proxy, and was changed"
            if stands.kind == "proxied"
            else f"DNS shows {there} at {kept.domain}"
        )
        return AddressDisputed(
            f"{shows}, while this cell's is {ours}: another cell or client publishes there too. "
            f"It was put right {_REPAIRS} times within a week; now no address is sent any more, so "
            "as not to fight. Certificates are renewed as before.",
            hint="Where this cell's disk was cloned or restored, stop the other machine, or give "
            "one of them another name; else look for a dynamic DNS client, as in the router. "
            "Then run `picdns up`; a new address of this cell is sent in any case, and a week "
            "later it is tried again.",
        )
    return PropagationTimeout(
        f"{service} says that it publishes {ours} at {kept.domain}, but public DNS shows {there}. "
        f"It was sent {_REPAIRS} times more within a week; now no address is sent any more. "
        "Certificates are renewed as before.",
        hint=f"See whether the name servers of {kept.domain} are those of {service}. It goes on "
        "when DNS shows the right address, and is tried again after a week.",
    )


def in_words(addresses: Addresses) -> str:
    """Name those that are known."""
    return words([str(one) for one in (addresses.ipv4, addresses.ipv6) if one])


def words(texts: list[str] | tuple[str, ...]) -> str:
    """Join as people do."""
    return " and ".join(texts)
