"""How the status of a cell looks at the terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rich.table import Table

from picdns_core.model import Failure
from picdns_core.status import CertStatus, Status
from picdns_core.store.published import Published
from picdns_core.store.ticks import LastTick

_LATE = timedelta(minutes=15)


def table(status: Status) -> Table:
    """Draw the certificates, for a terminal."""
    drawn = Table(title=heading(status), title_justify="left")
    for column in ("names", "issuer", "days left", "renews", "served"):
        drawn.add_column(column, overflow="fold")
    for one in status.certificates:
        days, renews = str(one.days_remaining), f"{one.renew_at:%Y-%m-%d}"
        drawn.add_row("\n".join(one.names), one.issuer, days, renews, _served(one))
    return drawn


def lines(status: Status) -> str:
    """List the certificates, for a pipe."""
    certificates = (
        f"{', '.join(one.names)}: {one.days_remaining} days left, renews {one.renew_at:%Y-%m-%d}, "
        f"served: {_served(one)}, by {one.issuer}"
        for one in status.certificates
    )
    return "\n".join([heading(status), *certificates])


def heading(status: Status) -> str:
    claim = "" if status.registered else " (not registered yet: run `picdns up`)"
    return f"{status.domain}, mode {status.mode}{claim}"


def remarks(status: Status) -> Iterator[str]:
    """Say what is not in the table: what is missing, the addresses, the heartbeat."""
    if status.missing:
        yield f"No certificate yet: {', '.join(status.missing)}"
    for one in status.certificates:
        if one.explanation_url:
            yield f"The CA says why it wants {one.names[0]} renewed: {one.explanation_url}"
    if status.addresses:
        yield _addresses(status.addresses)
        yield from (f"{one.text} {one.hint}" for one in status.addresses.remarks)
    ticks = (status.heartbeat.certificates, status.heartbeat.addresses)
    for what, tick in zip(("certificates", "addresses"), ticks, strict=True):
        if tick:
            yield _heartbeat(what, tick)
    if status.waiting:
        yield status.waiting
    if status.switching:
        yield f"A switch is under way, or was cut short: {status.switching}"
    for held in status.held:
        yield f"Still held in mode {held.mode}: {held.domain}. `{held.command}` gives it back"


def problem(failure: Failure) -> str:
    """Say what is broken, since when, and when it is tried again."""
    times = f", {failure.count} times" if failure.count > 1 else ""
    since = f" (since {_time(failure.since)}{times})"
    again = f" Tried again from {_time(failure.retry_at)} on." if failure.retry_at else ""
    return f"{failure.message}{since}{again}"


def _addresses(published: Published) -> str:
    known = [one for one in (published.confirmed.ipv4, published.confirmed.ipv6) if one]
    if not known:
        return "No address is published yet"
    since = f" since {_time(published.confirmed_at)}" if published.confirmed_at else ""
    return f"Published{since}: {', '.join(known)}"


def _heartbeat(what: str, tick: LastTick) -> str:
    did = "; ".join(tick.did).rstrip(".") or "nothing was to be done"
    if datetime.now(UTC) > tick.next_at + _LATE:
        return (
            f"Not looked after {what} since {_time(tick.at)}. Is the heartbeat running (`picdns "
            "run`, or the host), and is there space on the disk?"
        )
    due = f"; next to do at {_time(tick.due_at)}" if tick.due_at else ""
    return (
        f"Last looked after {what} at {_time(tick.at)}: {did}. Next look {_time(tick.next_at)}{due}"
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _served(one: CertStatus) -> str:
    if one.served is None:
        return "-"
    return "yes" if one.served == one.serial else "no"
