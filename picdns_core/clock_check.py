"""Whether the time can be right, before anything is decided by it."""

from datetime import timedelta

from picdns_core.errors import ClockSkewed, PicdnsError
from picdns_core.job import Job

_TOLERATED = timedelta(hours=1)  # that a clock may be off, or be set back
_STEADY = timedelta(days=3)
_ABSENT = timedelta(days=2)  # that a host may have been off before the CA is asked for the time


def check_clock(job: Job) -> None:
    """Raise ClockSkewed when the time cannot be right after that of the last tick.

    A time behind it is believed when a CA says so, as after a clock that was ahead; one far ahead
    unless a CA denies it, since a host may have been off for long. Where there is no CA to ask, a
    clock that has gone on steadily for days is believed in the end.
    """
    last, now = job.ticks.last("certificates"), job.clock.now()
    if last is None or -_TOLERATED <= now - last.seen <= _ABSENT:
        return
    if not job.mode.public and last.doubted_since and now >= last.doubted_since + _STEADY:
        return
    offset = _offset_by_the_ca(job, needed=now < last.seen)
    if offset is None and now > last.seen:
        return
    if offset is not None and abs(offset) <= _TOLERATED:
        return
    off = now - last.seen if offset is None else offset
    seconds, apart = off.total_seconds(), timedelta(seconds=round(abs(off.total_seconds())))
    known = f"{last.seen:%Y-%m-%d %H:%M} UTC has passed" if offset is None else "as the CA has it"
    raise ClockSkewed(
        f"This host's clock is {apart} {'ahead' if seconds > 0 else 'behind'}, "
        f"{known}. Until it is right no certificate is renewed; what is served stays so. If it is "
        "right, `picdns up` believes it.",
        offset=seconds,
    )


def _offset_by_the_ca(job: Job, *, needed: bool) -> timedelta | None:
    """Return how far our clock is ahead of the CA's; None where no CA says it."""
    try:
        offset = job.authority.clock_offset(job.clock) if job.mode.public else None
    except PicdnsError:
        if needed:
            raise
        return None
    return None if offset is None else timedelta(seconds=offset)
