"""Whether the world gets here: addresses, NAT, ports, and what stands before this host."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from picdns_core.address import host
from picdns_core.address.sources import of_family
from picdns_core.doctor import router
from picdns_core.doctor.diagnosis import bad, good, of_leg
from picdns_core.model import Finding
from picdns_core.tracing import dns, reach
from picdns_core.tracing.address import address_leg
from picdns_core.tracing.later import Deadline, ask

if TYPE_CHECKING:
    from picdns_core.doctor.patient import Patient
    from picdns_core.lookup.survey import Survey
    from picdns_core.model import Report
    from picdns_core.tracing.subject import Subject

_PATIENCE = 6.0
_MOST_ADDRESSES = 4


def address(patient: Patient) -> Iterator[Finding]:
    """Whether this host has a public address, and the one that is published."""
    if patient.looks_for_addresses:
        yield of_leg("address", address_leg(patient.job, patient.finding(), patient.published))


def nat(patient: Patient) -> Iterator[Finding]:
    """Whether the router's own address is the public one, where a router tells that."""
    if patient.job.picdns.address.ipv4 != "auto" or not patient.looks_for_addresses:
        return
    servers = (one.server for one in of_family(patient.job.picdns.address, "ipv4") if one.server)
    ours = next((found for one in servers if (found := host.leaving_address(one))), None)
    if ours is None or ours.is_loopback or not ours.is_private:
        return
    gateway = router.gateway()
    outer = router.outer_address(gateway) if gateway else None
    finding = patient.finding()
    seen = finding.ipv4.address if finding else None
    if gateway is None or outer is None or seen in (None, outer):
        return
    if outer.is_private:
        who = "another router stands before yours, as the box of the provider (double NAT)"
        mend = "Let that box be a bridge or modem only, or forward ports 80 and 443 there to your "
        mend += "router and in your router to this host."
    else:
        who = "your provider shares one address among customers (carrier-grade NAT), or a VPN or "
        who += "tunnel carries what leaves this host"
        mend = "Ask your provider for an address of your own, use IPv6, or a tunnel."
    yield bad(
        "nat",
        f"The router at {gateway} has {outer} outside, but the internet sees {seen}: {who}",
        mend,
        f"{gateway} says {outer} by NAT-PMP (RFC 6886)",
    )


def ports(patient: Patient) -> Iterator[Finding]:
    """Whether this cell answers on ports 80 and 443 where public DNS leads, asked from here."""
    if patient.job.picdns.caddy is None:
        return
    found = [one for one in patient.surveys() if not dns.leads_to_a_cdn(one[1])]
    if not found:
        return
    subject, survey = next((one for one in found if one[0].service), found[0])
    addresses = sorted(survey.addresses)[:_MOST_ADDRESSES]
    doors = [(scheme, one, port) for scheme, port in reach.ports(patient.job) for one in addresses]
    knocks = [ask(partial(reach.knock, *door, subject)) for door in doors]
    deadline = Deadline(_PATIENCE)
    for door, knock in zip(doors, knocks, strict=True):
        yield of_leg("ports", reach.port_leg(*door, deadline.await_(knock)))


def proxy(patient: Patient) -> Iterator[Finding]:
    """Whether a CDN stands before this host, so that what is served here is not what is seen."""
    proxied = [one for one in patient.surveys() if dns.leads_to_a_cdn(one[1])]
    if proxied:
        yield _proxied(proxied)


def outside(report: Report) -> Iterator[Finding]:
    """What the CA saw from outside when each certificate was had from its staging directory."""
    for names in report.issued:
        text = f"The CA's staging directory issued a certificate for {', '.join(names)}"
        yield good("outside", f"{text}: it got here, or to the DNS, from outside")
    for one in report.failed:
        yield bad("outside", one.message, one.hint, f"{one.error} for {', '.join(one.names)}")


def _proxied(proxied: list[tuple[Subject, Survey]]) -> Finding:
    names = " and ".join(subject.name for subject, _ in proxied)
    shown = " and ".join(sorted(proxied[0][1].addresses))
    return bad(
        "proxy",
        f"A proxy stands before {names}: DNS leads to a network such as Cloudflare's, which reads "
        "what passes, shows certificates of its own and lets only some ports through",
        "At Cloudflare, click the orange cloud of these records, so that they are DNS only. Where "
        "the proxy is meant to be there, leave it: certificates are renewed all the same.",
        f"{proxied[0][0].name} leads to {shown}",
    )
