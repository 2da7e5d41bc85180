"""The certificate of a name: what is served, who issued it, who trusts it, when it is renewed."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING

from picdns_core import names
from picdns_core.errors import PicdnsError
from picdns_core.tracing.legs import Leg, good, note, wrong
from picdns_core.tracing.subject import Subject

if TYPE_CHECKING:
    from cryptography import x509

    from picdns_core.job import Job
    from picdns_core.store import Certificate

_TIMEOUT = 3.0
_LATE = timedelta(minutes=15)


def verify(probe: str, name: str) -> str:
    """Return why this host does not trust what is served for the name; "" when it does."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    try:
        with (
            socket.create_connection(names.host_port(probe), _TIMEOUT) as connection,
            context.wrap_socket(connection, server_hostname=name),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return str(error)


def served_leg(job: Job, subject: Subject, leaf: x509.Certificate | Exception | None) -> Leg:
    """Say what is served, and whether it is what is stored; no leaf means no answer in time."""
    from picdns_core.pem import facts as facts_of

    probe, stored = job.deployment.probe, subject.certificate
    if probe is None or subject.want is None:
        text = f"Certificates of mode {job.mode.name} are for the services, none for {subject.name}"
        if subject.want:
            text = "No Caddy is configured (picdns.caddy), so nobody was asked what is served"
        return note("served", text)
    if stored is None:
        return wrong("served", f"There is no certificate for {subject.name} yet", _not_had(job))
    if leaf is None or isinstance(leaf, Exception):
        why = f": {leaf}" if leaf else " in time"
        return wrong(
            "served",
            f"Nothing answers with a certificate for {subject.name} at {probe}{why}",
            "Start Caddy, or correct picdns.caddy.probe; then run `picdns up`.",
            probe=probe,
            serial=None,
            stored=stored.meta.serial,
        )
    seen = facts_of(leaf)
    facts = {
        "probe": probe,
        "serial": seen.serial,
        "issuer": seen.issuer,
        "names": list(seen.names),
        "not_after": seen.not_after.isoformat(),
        "stored": stored.meta.serial,
    }
    said = (
        f"{seen.serial} for {', '.join(seen.names)}, by {seen.issuer}, until "
        f"{seen.not_after:%Y-%m-%d %H:%M} UTC"
    )
    if seen.serial != stored.meta.serial:
        text = f"{said}. It is not the stored one, which is {stored.meta.serial}"
        hint = "The heartbeat puts the stored one live at its next look, `picdns up` at once."
        return wrong("served", text, hint, **facts)
    if seen.not_after <= job.clock.now():
        hint = "`picdns status` says why it was not renewed."
        return wrong("served", f"{said}: it has ended", hint, **facts)
    return good("served", f"{said}: the stored one", **facts)


def issuer_leg(stored: Certificate) -> Leg:
    """Say who issued what is stored."""
    source, name = stored.meta.source.partition(":")[::2], stored.meta.issuer
    facts = {"issuer": name, "source": stored.meta.source}
    if source[0] == "acme":
        return good("issuer", f"{name}, of the CA at {source[1]}", **facts)
    if source[0] == "signer":
        return good("issuer", f"{name}, the cell's own CA", **facts)
    text = f"{name}: it was adopted from elsewhere, until `picdns up` gets the cell's own"
    return note("issuer", text, **facts)


def trust_leg(job: Job, stored: Certificate, reason: str | None) -> Leg:
    """Say who trusts it; `reason` is why this host does not, None where that is not known."""
    from picdns_core.settings import LETS_ENCRYPT_STAGING
    from picdns_core.trust import fingerprint

    source = stored.meta.source
    if source.startswith("signer:"):
        print_ = source.removeprefix("signer:")
        if print_ != fingerprint(job.signer.root_pem()):
            text = "It comes from a root of the cell that is in use no more"
            return wrong("trust", text, "Run `picdns up`, and import the new root: `picdns ca`.")
        text = f"Devices that have imported the cell's root trust it: SHA-256 {print_}"
        return good("trust", f"{text}. `picdns ca` says how to import it", root=print_)
    if source == f"acme:{LETS_ENCRYPT_STAGING}":
        hint = "Remove picdns.acme.directory from the config, and run `picdns up`."
        return wrong("trust", "It comes from a CA for tests, which nobody trusts", hint)
    if reason is None:
        return note("trust", "Nothing is served whose trust could be looked at")
    if reason:
        hint = "Devices must have the CA's root. If the CA is a public one, update the package "
        text = f"This host does not trust it: {reason}"
        return note("trust", text, f"{hint}ca-certificates of this host.", publicly=False)
    return good("trust", "This host trusts it, as browsers do", publicly=True)


def renewal_leg(job: Job, stored: Certificate) -> Leg:
    """Say when it is renewed and why, and what stands in the way."""
    due_at, why = job.agenda.due_at(stored), job.agenda.why(stored)
    tick = job.ticks.last("certificates")
    failure = job.failures.get(stored.lineage)
    facts = {
        "renew_at": due_at.isoformat(),
        "why": why,
        "looked_at": tick.at.isoformat() if tick else None,
        "retry_at": failure.retry_at.isoformat() if failure and failure.retry_at else None,
    }
    said = f"From {due_at:%Y-%m-%d %H:%M} UTC on, because {why}"
    if failure:
        again = (
            f" Tried again from {failure.retry_at:%Y-%m-%d %H:%M} UTC on."
            if (failure.retry_at)
            else ""
        )
        return wrong(
            "renewal", f"{said}. It failed: {failure.message}{again}", failure.hint, **facts
        )
    run = "Run `picdns run`, or let the host start its heartbeat."
    if tick is None:
        return note("renewal", f"{said}. No heartbeat has looked after it yet", run, **facts)
    if job.clock.now() > tick.next_at + _LATE:
        text = f"{said}. Nobody has looked after it since {tick.at:%Y-%m-%d %H:%M} UTC"
        return wrong("renewal", text, run, **facts)
    return good("renewal", f"{said}; looked after at {tick.at:%Y-%m-%d %H:%M} UTC", **facts)


def _not_had(job: Job) -> str:
    last = job.failures.get("cell")
    return f"Run `picdns up`{'; `picdns status` says what failed' if last else ''}."


def leaf_at(probe: str | None, name: str) -> x509.Certificate | Exception | None:
    """Return what is served, or why there is nothing; None where there is no Caddy."""
    from picdns_core.deploy.probe import served_leaf

    if probe is None:
        return None
    try:
        return served_leaf(probe, name)
    except (OSError, PicdnsError) as error:
        return error
