"""What the cell knows of itself: whether it is up, its certificates, the heartbeat, failures."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from picdns_core.doctor.diagnosis import bad, good
from picdns_core.doctor.patient import Patient
from picdns_core.model import Finding
from picdns_core.store.ticks import LastTick

_LATE = timedelta(minutes=15)
_LAST_PART = 20  # of a lifetime: within the last twentieth it should have been renewed
_RUN = "Run `picdns run`, or let the host start its heartbeat."


def cell(patient: Patient) -> Iterator[Finding]:
    """Whether the cell is up, and as it is configured."""
    status = patient.status()
    if status.switching:
        mend = "Wait for it to end. If nobody is at it any more, `picdns up` ends it."
        yield bad("cell", f"A switch is under way, or was cut short: {status.switching}", mend)
    elif status.waiting:
        yield bad("cell", status.waiting, "`picdns up` does it.")
    else:
        yield good("cell", f"{status.domain} is up in mode {status.mode}")


def certificates(patient: Patient) -> Iterator[Finding]:
    """Whether each name has a certificate that is good for a while."""
    status, now = patient.status(), patient.job.clock.now()
    if status.missing:
        missing = ", ".join(status.missing)
        mend = "Run `picdns up`; what else is found here may say why there is none."
        yield bad("certificates", f"There is no certificate for {missing}", mend)
    for one in status.certificates:
        left, lifetime = one.not_after - now, one.not_after - one.not_before
        if left <= lifetime / _LAST_PART:
            ends = "ends at" if left > timedelta() else "has ended at"
            yield bad(
                "certificates",
                f"The certificate for {', '.join(one.names)} {ends} {_time(one.not_after)}",
                "Run `picdns renew`; what else is found here may say why it was not renewed.",
                f"serial {one.serial}, to be renewed from {_time(one.renew_at)} on",
            )
            return
    if status.certificates and not status.missing:
        first = min(one.not_after for one in status.certificates)
        count = len(status.certificates)
        yield good("certificates", f"All {count} are there; the first ends at {_time(first)}")


def heartbeat(patient: Patient) -> Iterator[Finding]:
    """Whether somebody looks after the cell."""
    status, now = patient.status(), patient.job.clock.now()
    if not patient.job.registrations.in_force():
        return  # it rests until the cell is up
    ticks = {"certificates": status.heartbeat.certificates}
    if patient.job.mode.publishes_addresses:
        ticks["addresses"] = status.heartbeat.addresses
    for what, tick in ticks.items():
        yield _looked_after(what, tick, now)


def _looked_after(what: str, tick: LastTick | None, now: datetime) -> Finding:
    if tick is None:
        return good("heartbeat", f"Nobody has looked after the {what} yet", mend=_RUN)
    if now > tick.next_at + _LATE:
        text = f"Nobody has looked after the {what} since {_time(tick.at)}"
        return bad("heartbeat", text, f"{_RUN} See also whether there is space on the disk.")
    return good("heartbeat", f"The {what} were looked after at {_time(tick.at)}")


def problems(patient: Patient) -> Iterator[Finding]:
    """What failed and was not made up for since."""
    for one in patient.status().problems:
        often = f", {one.count} times" if one.count > 1 else ""
        again = f"; tried again from {_time(one.retry_at)} on" if one.retry_at else ""
        evidence = f"{one.error} of {one.subject} since {_time(one.since)}{often}{again}"
        yield bad("problems", one.message, one.hint, evidence)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
