"""What is ours in a zone that others write to as well: records that carry this cell's comment."""

from picdns_core import Cell, TxtRecord

_MARK = "picdns cell "


def mark(cell: Cell) -> str:
    """Return the comment of what this cell creates; 75 characters at most, of 100 allowed."""
    return _MARK + cell.name


def is_marked(comment: str | None) -> bool:
    """Say whether any cell created a record with this comment."""
    return (comment or "").startswith(_MARK)


def canary(domain: str) -> TxtRecord:
    """Return what `register` writes and removes.

    Its name is not the challenge's: a CNAME may be there, and an order may be running.
    """
    return TxtRecord(name=f"_picdns-canary.{domain}", value="Written and removed by picdns.")


def names(domain: str) -> frozenset[str]:
    """Return all names at which a cell creates records in the zone of its domain.

    Values of a challenge that a CNAME leads elsewhere are not at one of them: each is withdrawn
    as the journal has it.
    """
    return frozenset({domain, f"*.{domain}", f"_acme-challenge.{domain}", canary(domain).name})
