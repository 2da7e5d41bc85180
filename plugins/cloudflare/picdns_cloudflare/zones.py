"""Which zone a name is in: the longest of those that the token can see."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from picdns_cloudflare.client import Cloudflare, Zone, ZoneId, is_within
from picdns_cloudflare.errors import PermissionLacking, outside, told, unlisted
from picdns_core import (
    AuthenticationFailed,
    ForeignName,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)

T = TypeVar("T")


class Zones:
    """Finds zones by names; what is in a zone it knows costs no request.

    `given` is what the settings say of names: which zone those below a suffix are in. `kept` is a
    zone that was found some time ago; its id may have changed since.
    """

    def __init__(
        self,
        cloudflare: Cloudflare,
        *,
        given: Mapping[str, ZoneId] | None = None,
        kept: Zone | None = None,
    ) -> None:
        self._cloudflare = cloudflare
        self._kept = kept
        self._known = dict(given or {})
        if kept:
            self._known[kept.name] = kept

    @told()
    def within(self, name: str, act: Callable[[ZoneId], T]) -> T:
        """Act in the zone that a name is in, and once more if its id is another one by now.

        A zone that was removed and added again has a new id, and Cloudflare refuses the old one
        as it does for a lack of permission.
        """
        zone = self.covering(name)
        try:
            return act(zone)
        except (AuthenticationFailed, ForeignName):
            if zone is not self._kept:
                raise
            found = self._look_up(name)
            if found.id == zone.id:
                raise
        self._known = {found.name: found} | {
            suffix: one for suffix, one in self._known.items() if one is not zone
        }
        return act(found)

    @told()
    def covering(self, name: str) -> ZoneId:
        """Return the zone that a name is in; ForeignName when the token is known to have none."""
        for suffix, zone in self._known.items():
            if is_within(name, suffix):
                return zone
        try:
            found = self._look_up(name)
        except PermissionLacking:
            if not self._known:
                raise
            raise unlisted(name) from None
        self._known[found.name] = found
        return found

    def _look_up(self, name: str) -> Zone:
        for suffix in _suffixes(name):
            if found := self._named(suffix):
                return found[0]
        seen = self._cloudflare.zones()
        if covering := [zone for zone in seen if zone.covers(name)]:
            return max(covering, key=lambda zone: len(zone.name))
        listed = ", ".join(sorted(zone.name for zone in seen)) or "none"
        raise ForeignName(
            f"{name} is in no zone that the Cloudflare API token can see; it sees: {listed}.",
            hint="At Cloudflare, add the domain, or edit the token and include its zone under "
            "Zone Resources.",
        )

    def _named(self, name: str) -> list[Zone]:
        try:
            return self._cloudflare.zones(name)
        except (AuthenticationFailed, RateLimited, ProviderUnavailable):
            raise
        except ProviderError:  # a name that Cloudflare will not filter by: the whole list decides
            return []


def given_zone(cloudflare: Cloudflare, zone_id: str, domain: str) -> ZoneId:
    """Return the zone that the settings name; ForeignName when the domain is not in it.

    A token that may not read zones cannot say what this one is called: no more than the id is
    returned, and the first write shows whether the domain is in it.
    """
    try:
        zone = cloudflare.zone(zone_id)
    except AuthenticationFailed:
        return ZoneId(id=zone_id)
    if not zone.covers(domain):
        raise outside(domain, zone.name)
    return zone


def _suffixes(name: str) -> Iterator[str]:
    """Name what can be a zone, longest first: two labels or more, none with an underscore."""
    labels = name.split(".")
    for start in range(len(labels) - 1):
        if not any(label.startswith(("_", "*")) for label in labels[start:]):
            yield ".".join(labels[start:])
