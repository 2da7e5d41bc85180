"""What stands between the cell and its certificates: CAA, limits of the CA, the credentials."""

from collections.abc import Iterator

from picdns_core.doctor.diagnosis import bad, good
from picdns_core.doctor.patient import Patient
from picdns_core.errors import OrderRefused
from picdns_core.model import Finding, Registration
from picdns_core.plugins import Holder


def caa(patient: Patient) -> Iterator[Finding]:
    """Whether CAA records let the CA issue for each name, by this challenge and account."""
    job = patient.job
    if not job.mode.public:
        return
    from picdns_core.issuing.caa import check_caa

    names = [name for one in job.wants if not one.internal for name in one.names]
    identities = job.authority.caa_identities(job.clock)
    if not identities:
        yield good("caa", "The CA does not tell by which name CAA records allow it")
        return
    challenge = "http-01" if job.mode.needs_port_80 else "dns-01"
    try:
        check_caa(job.lookup, names, identities, job.authority.account_url, challenge)
    except OrderRefused as error:
        yield bad("caa", error.message, error.hint, f"the CA is {' or '.join(identities)}")
    else:
        yield good("caa", f"CAA records let {min(identities)} issue", ", ".join(names))


def budget(patient: Patient) -> Iterator[Finding]:
    """Whether the CA may be asked: how many failures are left, and what has to wait."""
    job = patient.job
    if not job.mode.public:
        return
    counted = job.authority.budget(job.clock)
    left: dict[str, int] = {}
    for one in (want for want in job.wants if not want.internal):
        found = counted.left(one.lineage, one.names)
        left |= found.failures
        if found.refusal:
            wait = found.refusal.retry_after or 0
            evidence = f"it may be asked again in {wait / 60:.0f} minutes"
            yield bad("budget", found.refusal.message, found.refusal.hint, evidence)
            return
    least = min(left.values(), default=0)
    evidence = ", ".join(f"{name}: {count}" for name, count in left.items())
    yield good("budget", f"The CA may be asked; {least} failures an hour are left", evidence)


def token(patient: Patient) -> Iterator[Finding]:
    """Whether the mode's credentials are good, as its service says."""
    job = patient.job
    if not job.mode.secrets:
        return
    for field in job.mode.secrets:
        if field.required and job.holding.secrets.get(field.name) is None:
            mend = f"Set it: `picdns init --secret {field.name}=@FILE`. {field.description}"
            yield bad("token", f"The secret {field.title} of mode {job.mode.name} is missing", mend)
            return
    registration = job.holding.registration or Registration(domain=job.cell.domain)
    with (claimant := job.holding.claimant())["http"]:
        yield from job.provider.examine(**Holder(**claimant, registration=registration))
