"""The clock of this host, compared with those of hosts that the cell asks anyway."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from picdns_core.doctor.diagnosis import bad, good
from picdns_core.doctor.system import chrony
from picdns_core.model import Finding
from picdns_core.tracing.later import Deadline, ask

if TYPE_CHECKING:
    from picdns_core.doctor.patient import Patient

_TOLERATED = 20.0  # seconds, as ddns.pic.ngo's codes allow; certificates would allow some minutes
_TIMEOUT = 3.0
_PATIENCE = 8.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether the time is right: by the Date of the CA, and of one who tells the address."""
    hosts = _hosts(patient)
    if not hosts:
        return
    asked = {host: ask(partial(_offset, url)) for host, url in hosts.items()}
    deadline = Deadline(_PATIENCE)
    answers = {host: deadline.await_(answer) for host, answer in asked.items()}
    offsets = {host: offset for host, offset in answers.items() if offset is not None}
    evidence = "their clocks against ours: " + ", ".join(
        f"{host} {'does not answer' if offset is None else f'{round(-offset)} s'}"
        for host, offset in answers.items()
    )
    if not offsets:
        mend = "Check the internet connection, and that this host may ask out on port 443."
        yield bad("clock", "Nobody could be asked for the time", mend, evidence)
    elif min(map(abs, offsets.values())) <= _TOLERATED:
        yield good("clock", "The clock of this host is right", evidence)
    elif max(offsets.values()) - min(offsets.values()) > _TOLERATED:
        finding = "Nobody who was asked has the time of this host, nor that of the other"
        mend = f"Compare it with another clock. If it is wrong: {chrony()}"
        yield bad("clock", finding, mend, evidence)
    else:
        offset = next(iter(offsets.values()))
        direction = "ahead" if offset > 0 else "behind"
        finding = f"The clock of this host is {_in_words(abs(offset))} {direction}: certificates "
        yield bad("clock", f"{finding}and codes may be refused", chrony(), evidence)


def _hosts(patient: Patient) -> dict[str, str]:
    """Name two hosts, each with the URL to ask."""
    settings = patient.job.picdns
    if not patient.job.mode.public:
        return {}
    urls = [settings.acme.directory]
    if patient.looks_for_addresses:
        from picdns_core.address.sources import BUILT_IN

        sources = settings.address.sources or BUILT_IN
        urls += [one.url for one in sources if one.url.startswith("https://")][:1]
    return {_host(url): url for url in urls}


def _host(url: str) -> str:
    """Name the host, and no user or password that stand before it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _offset(url: str) -> float | None:
    """Return how many seconds our clock is ahead of that of a host; None when it does not say.

    No certificate is verified: a clock that is far off trusts none. Nothing is sent, and nothing
    but the Date is believed of the answer; what it is worth is to be agreed on by another host.
    """
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    where = (parts.hostname or "", parts.port)
    try:
        with closing(
            http.client.HTTPSConnection(*where, timeout=_TIMEOUT, context=context)
        ) as connection:
            sent = time.time()
            connection.request("HEAD", parts.path or "/", headers={"User-Agent": "picdns"})
            date = connection.getresponse().getheader("Date", "")
        theirs = parsedate_to_datetime(date).timestamp()
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return (sent + time.time()) / 2 - theirs - 0.5  # a Date has whole seconds


def _in_words(seconds: float) -> str:
    for unit, length in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
