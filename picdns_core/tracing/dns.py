"""What DNS says of a name: inside, by CoreDNS, and outside, by the servers with authority."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from picdns_core import differences, outside
from picdns_core.address.finding import Address, Finding
from picdns_core.address.public import is_of_a_cdn
from picdns_core.tracing.legs import Leg, good, note, wrong
from picdns_core.tracing.subject import Subject

if TYPE_CHECKING:
    from picdns_core.deploy.resolve import Heard
    from picdns_core.job import Job
    from picdns_core.lookup.survey import Survey
    from picdns_core.store.published import Published

_SENT_AGAIN = "The heartbeat sends it again,"

Inside = tuple["Heard", "Heard"]
"""The answers for A and for AAAA."""


def ask_inside(job: Job, subject: Subject) -> Inside | None:
    """Ask CoreDNS; None where none is configured."""
    if job.inside is None:
        return None
    return job.inside.ask(subject.name, "A"), job.inside.ask(subject.name, "AAAA")


def inside_leg(job: Job, subject: Subject, heard: Inside | None) -> Leg:
    """Say what clients inside are answered, and by whom."""
    horizon = job.inside
    if horizon is None or heard is None:
        return note(
            "inside",
            "picdns looks after no CoreDNS here, so nobody was asked",
            "Let the DNS of your network lead the cell's names to Caddy, or set picdns.coredns.",
        )
    first, found = heard[0], tuple(sorted({*heard[0].values, *heard[1].values}))
    facts = {
        "server": horizon.probe,
        "addresses": list(found),
        "rcode": first.rcode,
        "authoritative": first.aa,
    }
    said = f"{' and '.join(found) or first.rcode}, by CoreDNS at {horizon.probe}"
    how = "with authority" if first.aa else "forwarded to the internet"
    if subject.kind in ("service", "internal", "domain") and not _passed_through(job, subject):
        difference = differences.inside_at(job, subject.name)
        if difference:
            return wrong("inside", difference.message, difference.hint, **facts)
        return good("inside", f"{said}, {how}", **facts)
    if first.rcode is None:
        hint = "Start CoreDNS, or correct picdns.coredns.probe; then run `picdns up`."
        return wrong("inside", f"CoreDNS gives no answer at {horizon.probe}", hint, **facts)
    if first.rcode not in ("NOERROR", "NXDOMAIN"):
        hint = (
            "See whether picdns.coredns.upstreams answer, and whether vpn_networks has this host."
        )
        text = f"CoreDNS at {horizon.probe} answers {first.rcode}"
        return wrong("inside", text, hint, **facts)
    return note("inside", f"{said}, {how}", **facts)


def outside_leg(
    job: Job,
    subject: Subject,
    survey: Survey | None,
    finding: Finding | None,
    published: Published | None,
) -> Leg:
    """Say where public DNS leads, and whether that is here; no survey means no answer in time."""
    if survey is None:
        hint = "See whether this host may ask out on port 53, then try again."
        return wrong("outside", "Public DNS gave no answer in time", hint)
    facts = _facts(survey)
    said = _said(survey)
    if survey.problem:
        hint = "Correct the CNAMEs, or ask whoever runs that zone."
        return wrong("outside", f"{said}: {survey.problem}", hint, **facts)
    if not survey.agree:
        each = "; ".join(f"{one.server} says {_stated(one.addresses)}" for one in survey.statements)
        hint = "They may still copy a change: look again in some minutes. If it stays, ask "
        hint += f"whoever runs the name servers of {survey.zone}."
        return wrong("outside", f"The name servers of {survey.zone} differ: {each}", hint, **facts)
    if subject.is_public and (off := _elsewhere(job, subject, survey, finding, published)):
        return wrong("outside", f"{said}. {off[0]}", off[1], **facts)
    lame = [one for one in survey.statements if one.problem]
    if lame and survey.statements:
        dead = "; ".join(f"{one.server} {one.problem}" for one in lame)
        hint = f"Ask whoever runs them, or take them out of the delegation of {survey.zone}."
        kind = wrong if len(lame) == len(survey.statements) else note
        return kind("outside", f"{said}; {dead}", hint, **facts)
    return (good if subject.is_public else note)("outside", said, **facts)


def leads_to_a_cdn(survey: Survey) -> bool:
    """Tell whether the addresses are of a network that stands before other people's servers."""
    return any(is_of_a_cdn(ip_address(one)) for one in survey.addresses)


def _elsewhere(
    job: Job,
    subject: Subject,
    survey: Survey,
    finding: Finding | None,
    published: Published | None,
) -> tuple[str, str] | None:
    """Say that it leads elsewhere, with the mend; None where it does not, or that is not known."""
    shown = {ip_address(one) for one in survey.addresses}
    if published is None:
        settings = job.picdns.address
        if finding is None or settings.ipv4 == settings.ipv6 == "off":
            return None
        difference = outside.compare(subject.name, shown, finding, settings)
        return (difference.message, difference.hint) if difference else None
    ours = [one for one in (published.expected.ipv4, published.expected.ipv6) if one]
    missing = [str(one) for one in ours if one not in shown]
    if leads_to_a_cdn(survey):
        return None
    if not missing:
        return _beside(job, subject, shown - set(ours), finding)
    return (
        f"The published {' and '.join(missing)} is not there, so nobody outside gets here",
        f"{_SENT_AGAIN} unless `picdns status` says why not; `picdns up` does it at once.",
    )


def _beside(
    job: Job, subject: Subject, others: set[Address], finding: Finding | None
) -> tuple[str, str] | None:
    """Say what stands beside what the mode publishes, and leads elsewhere, as a dead AAAA."""
    if not others or finding is None:
        return None
    difference = outside.compare(subject.name, others, finding, job.picdns.address)
    return (difference.message, difference.hint) if difference else None


def _passed_through(job: Job, subject: Subject) -> bool:
    settings = job.picdns.coredns
    below = subject.name.removesuffix(f".{job.cell.domain}")
    return settings is not None and below in settings.public_names


def _said(survey: Survey) -> str:
    via = "".join(f"CNAME {one}, " for one in survey.aliases)
    if not survey.authoritative:
        return (
            f"{_stated(tuple(sorted(survey.addresses)))}, by resolvers over HTTPS, since this "
            "network lets nobody ask on port 53"
        )
    servers = [one.server for one in survey.statements if not one.problem]
    ttl = min((one.ttl for one in survey.statements if one.ttl is not None), default=None)
    lasting = "" if ttl is None else f", for {ttl} s"
    by = f"by {', '.join(sorted(servers))}" if servers else "by nobody"
    addresses = _stated(tuple(sorted(survey.addresses)))
    return f"{via}{addresses}{lasting}, {by} of {survey.zone}"


def _stated(addresses: tuple[str, ...]) -> str:
    return " and ".join(addresses) or "no address"


def _facts(survey: Survey) -> dict[str, object]:
    return {
        "zone": survey.zone,
        "aliases": list(survey.aliases),
        "addresses": sorted(survey.addresses),
        "authoritative": survey.authoritative,
        "servers": [
            {
                "server": one.server,
                "addresses": list(one.addresses),
                "alias": one.alias,
                "ttl": one.ttl,
                "problem": one.problem,
            }
            for one in survey.statements
        ],
    }
