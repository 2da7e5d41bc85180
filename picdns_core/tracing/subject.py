"""What a name is to this cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from picdns_core import names
from picdns_core.errors import ConfigError
from picdns_core.model import Service
from picdns_core.store import Certificate
from picdns_core.tracing.legs import Kind, Leg, good, note, wrong
from picdns_core.wanted import Wanted

if TYPE_CHECKING:
    from picdns_core.job import Job


class Subject(Struct, frozen=True, kw_only=True):
    """A name; `want` is the certificate that it should be served with, `certificate` what is used.

    `is_public` tells whether it is the domain or below it, in a mode that is on the internet.
    """

    name: str
    kind: Kind
    service: Service | None = None
    want: Wanted | None = None
    certificate: Certificate | None = None
    is_public: bool = False


def recognise(job: Job, text: str) -> Subject:
    """Take a name as it was typed: a service's short name, or a whole name.

    ConfigError when it can be no name.
    """
    cell = job.cell
    name = _whole(text, cell.domain)
    want = next((one for one in job.wants if _covers(one.names, name)), None)
    kind: Kind
    service = None
    if name in cell.service_names:
        kind, service = "service", cell.services[cell.service_names.index(name)]
    elif name in cell.internal_names:
        kind, service = "internal", cell.services[cell.internal_names.index(name)]
    elif name == cell.domain:
        kind = "domain"
    elif name.endswith((f".{cell.domain}", ".cell")):
        kind = "unserved"
    else:
        kind = "foreign"
    within = name == cell.domain or name.endswith(f".{cell.domain}")
    return Subject(
        name=name,
        kind=kind,
        service=service,
        want=want,
        certificate=job.lineages.current(want.lineage) if want else None,
        is_public=job.mode.public and within,
    )


def introduce(job: Job, subject: Subject) -> Leg:
    """Say what the name is."""
    name, cell = subject.name, job.cell
    facts = {"mode": cell.mode, "domain": cell.domain}
    if subject.service:
        reach = "inside alone" if subject.kind == "internal" else f"in mode {cell.mode}"
        text = f"{name} is the service {subject.service.name} of this cell, {reach}"
        return good("name", text, **facts)
    if subject.kind == "domain":
        return good("name", f"{name} is the domain of this cell, in mode {cell.mode}", **facts)
    if subject.kind == "foreign":
        return note("name", f"{name} is no name of this cell, which is {cell.domain}", **facts)
    known = ", ".join(one.name for one in cell.services) or "none"
    return wrong(
        "name",
        f"{name} would be this cell's, but no service has that name; it has {known}",
        "Correct the name, or add the service to `services` in the config and run `picdns up`.",
        **facts,
    )


def _whole(text: str, domain: str) -> str:
    try:
        if "." in text.rstrip("."):
            return names.domain(text)
        return f"{names.label(text.rstrip('.'))}.{domain}"
    except ValueError as error:
        raise ConfigError(
            "",
            f"There is no such name: {error}.",
            hint="Give a service's short name, as files, or a whole name.",
        ) from None


def _covers(covered: tuple[str, ...], name: str) -> bool:
    return name in covered or f"*.{name.partition('.')[2]}" in covered
