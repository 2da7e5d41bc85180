"""Caddy and CoreDNS: whether they run, and serve what was written for them."""

from collections.abc import Iterator

from picdns_core.doctor.diagnosis import bad, good, of_differences
from picdns_core.doctor.patient import Patient
from picdns_core.model import Finding

_PUT_LIVE = "`picdns up` writes and loads it again, at once."
_EDITED = (
    "The file written for Caddy is not what picdns wrote last: it was edited by hand, or a backup "
    "was restored"
)
_OTHER = (
    "Caddy works with another config than the one that is written for it: somebody else loads "
    "configs into it, or it was started with another file"
)
_OWN = "The edited file is kept beside it as .orig; what is your own belongs into "
_OWN += "picdns.caddy.include."
_WHO = "Should it come back: look who else uses its admin endpoint, and with which Caddyfile it is "
_WHO += "started."
_CADDY = {
    "unwritten": ("No Caddyfile is written yet", "Run `picdns up`."),
    "edited": (_EDITED, f"{_PUT_LIVE} {_OWN}"),
    "other": (_OTHER, f"{_PUT_LIVE} {_WHO}"),
}


def caddy(patient: Patient) -> Iterator[Finding]:
    """Whether Caddy answers, works with what was written, and serves the stored certificates."""
    deployment = patient.job.deployment
    if deployment.probe is None:
        return
    served = [one for one in patient.status().differences if one.where == "served"]
    state = deployment.in_use()
    if state != "written":
        finding, mend = _CADDY[state]
        also = f"; {served[0].message}" if served else ""
        yield bad("caddy", finding, mend, f"at {deployment.probe}{also}")
    elif served:
        yield of_differences("caddy", served)
    else:
        yield good("caddy", f"Caddy serves at {deployment.probe} what was written for it")


def coredns(patient: Patient) -> Iterator[Finding]:
    """Whether CoreDNS answers the cell's names inside as its files say, and only inside."""
    job = patient.job
    if job.inside is None:
        return
    status = patient.status()
    different = [one for one in status.differences if one.where == "inside"]
    if different:
        yield of_differences("coredns", different)
    elif not status.switching and not job.inside.is_live([job.cell]):
        finding = "The files of CoreDNS are not what picdns wrote last, or it has not read them"
        yield bad("coredns", finding, "`picdns up` writes them again and lets it read them.")
    else:
        yield good("coredns", f"CoreDNS answers at {job.inside.probe} what was written for it")
    if trapped := job.inside.nat_trap:
        yield bad(
            "coredns",
            f"{', '.join(trapped)} of picdns.coredns.vpn_networks overlaps with Docker's networks: "
            "behind Docker's NAT every client looks like one of these, so that clients outside the "
            "VPN may be answered as inside",
            "Name only the addresses of the VPN there, and let CoreDNS see those who ask: publish "
            "its port without NAT, or let it share the network of the VPN's container.",
        )
