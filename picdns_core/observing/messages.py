"""Tells people what has broken, what is well again and what has changed; extra `notify`."""

from datetime import datetime

from picdns_core.events import Event, IpChanged, ModeChanged, Ticked
from picdns_core.model import Addresses, Failure
from picdns_core.observing.delivery import Delivery
from picdns_core.observing.news import to_tell
from picdns_core.secret import Secret

_SUBJECTS = {
    "addresses": "publishing the addresses",
    "cell": "the cell as a whole",
    "clock": "the clock",
    "config": "the config",
    "former": "giving back former names",
    "leftovers": "removing TXT records",
}


class Messages:
    """One message for what breaks, again each day until it is well, and one when it is."""

    def __init__(self, urls: Secret) -> None:
        self._delivery = Delivery(urls)

    def ticked(self, event: Ticked) -> None:
        if broken := list(to_tell(event)):
            self._send(event, "failure", *(_broken(event, one) for one in broken))
        if event.recovered:
            self._send(event, "success", *map(_recovered, event.recovered))

    def ip_changed(self, event: IpChanged) -> None:
        now, before = _addresses(event.addresses), _addresses(event.previous)
        text = f"{event.cell.domain} now leads to {now}; before: {before}. Nothing is to be done."
        self._send(event, "info", text)

    def mode_changed(self, event: ModeChanged) -> None:
        modes = f"{event.cell.mode}; before: {event.previous_mode}"
        self._send(event, "info", f"{event.cell.domain} is now in the mode {modes}.")

    def _send(self, event: Event, kind: str, *texts: str) -> None:
        self._delivery.send(kind, f"picdns: {event.cell.domain}", "\n\n".join(texts))


def _broken(event: Ticked, failure: Failure) -> str:
    lines = [f"Failed: {_named(failure)}", failure.message, failure.hint]
    if until := event.certificates.get(failure.subject):
        lines.append(f"The certificate that is there is valid until {_time(until)}.")
    if event.task == "addresses" and event.published_at:
        where = f"{event.cell.domain} leads to {_addresses(event.published)}"
        lines.append(f"What was last confirmed, at {_time(event.published_at)}: {where}.")
    tries = f"{failure.count} times" if failure.count > 1 else "once"
    lines.append(f"Failing since {_time(failure.since)}; tried {tries}.")
    if failure.retry_at:
        lines.append(f"Next attempt: {_time(failure.retry_at)}.")
    else:
        lines.append("This needs you: it will not mend itself.")
    return "\n".join(filter(None, lines))


def _recovered(failure: Failure) -> str:
    since = f"It had failed since {_time(failure.since)}: {failure.message}"
    return f"Well again: {_named(failure)}\n{since}\nNothing is to be done."


def _named(failure: Failure) -> str:
    return _SUBJECTS.get(failure.subject, f"the certificate {failure.subject}")


def _addresses(addresses: Addresses) -> str:
    return " and ".join(str(one) for one in (addresses.ipv4, addresses.ipv6) if one) or "unknown"


def _time(moment: datetime) -> str:
    return f"{moment:%A %d %B %Y, %H:%M} UTC"
