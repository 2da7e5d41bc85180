"""What becomes of the name that a cell leaves: let go, or kept and why."""

from picdns_core.model import DomainMode
from picdns_core.store.switches import Side


def why_kept(
    old: Side, old_mode: DomainMode, new: Side, new_mode: DomainMode, *, release: bool
) -> str | None:
    """Say why what the old one holds is not given back; None when it is.

    A name that a service gives to one cell only is not lost by a look at the local network:
    without `release` it stays.
    """
    if is_needed(old, old_mode, new, new_mode):
        return f"{new.cell.domain} needs its records"
    if old_mode.grants_names and not new_mode.public and not release:
        return "once given back, another cell could take it"
    return None


def is_needed(one: Side, its_mode: DomainMode, other: Side, other_mode: DomainMode) -> bool:
    """Say whether the other lives on the records that the first one publishes."""
    if not (its_mode.publishes_addresses and other_mode.public):
        return False
    if other_mode.publishes_addresses:
        return one.cell.domain == other.cell.domain
    return f".{other.cell.domain}".endswith(f".{one.cell.domain}")
