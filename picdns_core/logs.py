"""What observers hear, as lines of the log: one for each event."""

import logging

from picdns_core.events import CertIssued, Event, IpChanged, ModeChanged, Registered, Ticked

_log = logging.getLogger(__name__)


def log(event: Event) -> None:
    """Say what happened; a certificate that could not be had was said where it is kept."""
    cell = event.cell
    match event:
        case Registered():
            _log.info(
                "%s is registered",
                cell.domain,
                extra={"event": "registered", "domain": cell.domain},
            )
        case IpChanged():
            found = [str(one) for one in (event.addresses.ipv4, event.addresses.ipv6) if one]
            _log.info(
                "published for %s: %s",
                cell.domain,
                ", ".join(found) or "no address",
                extra={"event": "ip_changed", "addresses": found, "domain": cell.domain},
            )
        case CertIssued():
            _log.info(
                "new certificate %s until %s, for %s",
                event.lineage,
                event.not_after.isoformat(),
                ", ".join(event.names),
                extra={
                    "event": "cert_issued",
                    "lineage": event.lineage,
                    "names": event.names,
                    "serial": event.serial,
                    "not_after": event.not_after.isoformat(),
                    "domain": cell.domain,
                },
            )
        case ModeChanged():
            _log.info(
                "from %s in mode %s to %s in mode %s",
                event.previous_domain,
                event.previous_mode,
                cell.domain,
                cell.mode,
                extra={
                    "event": "mode_changed",
                    "mode": cell.mode,
                    "previous_mode": event.previous_mode,
                    "previous_domain": event.previous_domain,
                    "domain": cell.domain,
                },
            )
        case Ticked():
            _log.debug(
                "looked after %s: %s",
                event.task,
                "; ".join(event.did) or "nothing to do",
                extra={
                    "event": "ticked",
                    "task": event.task,
                    "seconds": event.seconds,
                    "problems": len(event.problems),
                    "next_at": event.next_at.isoformat(),
                    "domain": cell.domain,
                },
            )
