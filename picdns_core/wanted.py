"""Which certificates a cell wants, and when each is due."""

from datetime import datetime, timedelta

from msgspec import Struct

from picdns_core.model import Cell, DomainMode
from picdns_core.store import Certificate

INTERNAL = "internal"
"""The lineage of the `<service>.cell` names; no domain is called so, they have two labels."""

_SHORT = timedelta(days=10)


class Wanted(Struct, frozen=True, kw_only=True):
    """A certificate that the cell should have; `internal` ones come from the cell's own CA."""

    lineage: str
    names: tuple[str, ...]
    internal: bool = False


def wanted(cell: Cell, mode: DomainMode) -> list[Wanted]:
    """List them: the domain's, one or one per service, and one for the names inside."""
    if mode.wildcard:
        public = [Wanted(lineage=cell.domain, names=(cell.domain, f"*.{cell.domain}"))]
    else:
        public = [Wanted(lineage=name, names=(name,)) for name in cell.service_names]
    if cell.services:
        public.append(Wanted(lineage=INTERNAL, names=cell.internal_names, internal=True))
    return public


def renew_at(not_before: datetime, not_after: datetime) -> datetime:
    """Return when to renew: at 2/3 of the lifetime, at half of one of ten days or less."""
    lifetime = not_after - not_before
    return not_before + (lifetime / 2 if lifetime <= _SHORT else lifetime * 2 / 3)


def why_unfit(want: Wanted, have: Certificate | None, source: str, now: datetime) -> str | None:
    """Say why a certificate is not what is wanted, whatever its age; None when it is."""
    if have is None:
        return "there is none yet"
    if set(have.meta.names) != set(want.names):
        return "the names have changed"
    if have.meta.source != source:
        return "it comes from another CA"
    if now < have.meta.not_before:
        return "it is not valid yet: it was made while the clock was wrong"
    return None
