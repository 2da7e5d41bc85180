"""What public DNS says: of the names, of who serves them, of CAA; and whether it can be asked."""

from collections.abc import Iterator

from picdns_core.doctor.diagnosis import bad, good, of_leg
from picdns_core.doctor.patient import Patient
from picdns_core.model import Finding
from picdns_core.tracing import dns

_TOP_LEVEL = 1  # labels of a zone that is nobody's own


def names(patient: Patient) -> Iterator[Finding]:
    """Whether public DNS leads each name here: to what is published, or to what is seen."""
    finding = patient.finding() if patient.subjects else None
    for subject in patient.subjects:
        survey = patient.survey(subject)
        if dns.leads_to_a_cdn(survey):
            continue  # the check of proxies says it
        leg = dns.outside_leg(patient.job, subject, survey, finding, patient.published)
        found = of_leg("dns", leg)
        prefix = "" if subject.name in found.finding else f"{subject.name}: "
        yield Finding(
            name="dns",
            ok=found.ok,
            finding=prefix + found.finding,
            evidence=found.evidence,
            mend=found.mend,
        )


def delegation(patient: Patient) -> Iterator[Finding]:
    """Whether the domain is delegated, and each of its name servers answers with authority."""
    if not patient.subjects:
        return
    domain = patient.job.cell.domain
    found = patient.job.lookup.delegation(domain)
    if found is None:
        return  # the check of port 53 says it
    serials = ", ".join(f"{who} has serial {serial}" for who, serial in found.serials.items())
    if found.zone.count(".") < _TOP_LEVEL:
        text = f"{domain} is in no zone of its own: nothing below {found.zone} has that name"
        yield bad(
            "delegation",
            text,
            "Register the domain, or renew it if it has lapsed; and correct domain_name if it is "
            "misspelt.",
            serials,
        )
        return
    if found.problems:
        dead = "; ".join(f"{who} {why}" for who, why in found.problems.items())
        yield bad(
            "delegation",
            f"Not all name servers of {found.zone} serve it: {dead}",
            f"Ask whoever runs them; or take them out of the delegation of {found.zone}, where the "
            "domain is registered.",
            serials,
        )
        return
    differ = set(found.delegated) ^ set(found.named) if found.delegated else set()
    if differ:
        text = f"The zone above {found.zone} names other name servers than the zone itself, and "
        mend = f"Make the two the same where the domain is registered: {', '.join(sorted(differ))}."
        yield good("delegation", f"{text}all of them answer", serials, mend)
    else:
        count = len(found.serials)
        text = f"{found.zone} is delegated, and all of its name servers ({count}) answer"
        yield good("delegation", text, serials)


def port_53(patient: Patient) -> Iterator[Finding]:
    """Whether this network lets the root servers be asked."""
    if not patient.subjects:
        return
    job = patient.job
    trouble = job.lookup.trouble_on_port_53(job.cell.domain)
    if not trouble:
        yield good("port-53", "Name servers of the internet can be asked")
        return
    yield bad(
        "port-53",
        f"Port 53 is {trouble} by this network, so that public DNS is asked over HTTPS, and what "
        "it says may be some minutes old",
        "Allow this host to ask out on port 53, UDP and TCP, in the router and firewall: look for "
        "DNS filters, child protection and the DNS rebind or redirect settings there.",
        f"the root servers were asked for {job.cell.domain}",
    )
