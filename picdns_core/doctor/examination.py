"""All checks of one cell, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from picdns_core.clock import Clock
from picdns_core.doctor import files, pool
from picdns_core.doctor.diagnosis import Diagnosis, good, of_error
from picdns_core.model import Finding, Report
from picdns_core.secret import redact

if TYPE_CHECKING:
    from picdns_core.workshop import Workshop

_OUTSIDE = 300.0  # seconds for a rehearsal: DNS may take minutes to show a record


def examine(workshop: Workshop, rehearse: Callable[[], Report] | None = None) -> Diagnosis:
    """Examine the cell as it is in force, else as it is configured; changes nothing.

    `rehearse`, if given, is done at last: it has the CA look from outside. Raises nothing: what
    cannot be examined is a finding.
    """
    found = pool.run(_checks(workshop))
    if rehearse:
        found += pool.run({"outside": partial(_outside, workshop, rehearse)}, _OUTSIDE)
    return Diagnosis(checks=tuple(map(_redacted, found)))


def _checks(workshop: Workshop) -> dict[str, pool.Check]:
    """Return what is to be checked, local things first, so that they do not wait for others."""
    disk: dict[str, pool.Check] = {"disk": partial(files.disk, workshop.root)}
    try:
        job = workshop.open_in_force(Clock.of_host()) or workshop.open()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        broken = of_error("config", error)
        return {"config": lambda: [broken], **disk}
    from picdns_core.doctor import authority, clock, names, reach, servers, state
    from picdns_core.doctor.patient import Patient

    if job.trouble:
        trouble = of_error("config", job.trouble)
        disk = {"config": lambda: [trouble], **disk}
    patient = Patient(workshop.root, job)
    local = {
        "cell": state.cell,
        "certificates": state.certificates,
        "heartbeat": state.heartbeat,
        "problems": state.problems,
        "caddy": servers.caddy,
        "coredns": servers.coredns,
        "paths": files.paths,
        "modes": files.modes,
    }
    public = {
        "clock": clock.clock,
        "port-53": names.port_53,
        "delegation": names.delegation,
        "dns": names.names,
        "proxy": reach.proxy,
        "address": reach.address,
        "nat": reach.nat,
        "ports": reach.ports,
        "caa": authority.caa,
        "budget": authority.budget,
        "token": authority.token,
    }
    checks = local | public if job.mode.public else local
    return disk | {name: partial(check, patient) for name, check in checks.items()}


def _outside(workshop: Workshop, rehearse: Callable[[], Report]) -> list[Finding]:
    from picdns_core.doctor.reach import outside

    if not workshop.open().mode.public:
        return [good("outside", "This mode asks no public CA, so nobody outside was asked")]
    return list(outside(rehearse()))


def _redacted(found: Finding) -> Finding:
    return replace(
        found,
        finding=redact(found.finding),
        evidence=redact(found.evidence),
        mend=redact(found.mend),
    )
