"""What is seen compared with what should be: at Caddy, inside and outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import TYPE_CHECKING

from picdns_core.model import Difference
from picdns_core.store.outside import OutsideLooks
from picdns_core.store.published import PublishedAddresses

if TYPE_CHECKING:
    from picdns_core.deploy.resolve import Heard
    from picdns_core.job import Job
    from picdns_core.store import Certificate

_PARALLEL = 8

Served = tuple[str, "Certificate", str | None]
"""A name, the certificate that it should be served with, and the serial that it is."""


def at_caddy(probe: str, served: Iterable[Served]) -> Iterator[Difference]:
    """Compare certificates with the serials that `probe` answers with, None where nothing does."""
    for name, certificate, serial in served:
        meta = certificate.meta
        if serial == meta.serial:
            continue
        if serial:
            message = (
                f"At {probe} the certificate {serial} is served for {name}, and not the stored one "
                f"{meta.serial}: another config was loaded into Caddy, or something else listens "
                "there. What is stored is good."
            )
            hint = "The heartbeat puts it live again at its next look, `picdns up` at once. Should "
            hint += "it come back: look who else loads configs into this Caddy."
        else:
            message = (
                f"Nothing answers with a certificate for {name} at {probe}, so nobody gets to it. "
                "What is stored is good."
            )
            hint = "Start Caddy, or correct picdns.caddy.probe; then run `picdns up`."
        found = (serial,) if serial else ()
        yield Difference(
            where="served",
            name=name,
            expected=(meta.serial,),
            found=found,
            message=message,
            hint=hint,
        )


def inside(job: Job) -> Iterator[Difference]:
    """Compare what CoreDNS answers for the cell's names with Caddy's address inside the VPN."""
    if job.inside is None:
        return
    cell = job.cell
    names = (cell.domain, *cell.service_names, *cell.internal_names)
    if first := inside_at(job, names[0]):
        yield first  # then the others would say the same
        return
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-inside") as pool:
        yield from filter(None, pool.map(lambda name: inside_at(job, name), names[1:]))


def inside_at(job: Job, name: str) -> Difference | None:
    """Compare for one name of the cell; None where it is right, or no CoreDNS is configured."""
    horizon, settings = job.inside, job.picdns.coredns
    if horizon is None or settings is None:
        return None
    given = settings.vpn_address
    expected = tuple(sorted((given,) if isinstance(given, str) else given))
    families = {"A" if ip_address(one).version == 4 else "AAAA" for one in expected}  # noqa: PLR2004
    heard = [horizon.ask(name, rdtype) for rdtype in sorted(families)]
    found = tuple(sorted(value for one in heard for value in one.values))
    if found == expected:
        return None
    return Difference(
        where="inside",
        name=name,
        expected=expected,
        found=found,
        message=f"CoreDNS at {horizon.probe} {_answer(heard[0], found)} for {name}, and not "
        f"{' and '.join(expected)}. What clients inside remember still works; outside all is as "
        "it was.",
        hint=_inside_hint(heard[0]),
    )


def outside(job: Job) -> Iterator[Difference]:
    """Name what was different in public DNS at the last look; nobody is asked."""
    if not job.mode.publishes_addresses:
        last = OutsideLooks(job.store).last(job.cell.domain) if job.mode.public else None
        yield from (one for one in (last.differences if last else ()) if _concerns(job, one))
        return
    published = PublishedAddresses(job.store).load(job.mode.name, job.cell.domain)
    if published.shows is None:
        return
    ours = published.expected
    expected = tuple(str(one) for one in (ours.ipv4, ours.ipv6) if one)
    there = " and ".join(published.shows) or "no address"
    yield Difference(
        where="outside",
        name=published.domain,
        expected=expected,
        found=published.shows,
        message=f"Public DNS shows {there} at {published.domain}, and not "
        f"{' and '.join(expected)}: who is outside does not get here. Inside all is well, and "
        "certificates are renewed as before.",
        hint="The heartbeat sends the address again, unless a problem says why not; `picdns up` "
        "does it at once.",
    )


def _concerns(job: Job, one: Difference) -> bool:
    return one.name in job.cell.service_names


def _answer(heard: Heard, found: tuple[str, ...]) -> str:
    if heard.rcode is None:
        return "gives no answer"
    return f"answers {' and '.join(found) or heard.rcode}"


def _inside_hint(heard: Heard) -> str:
    if heard.rcode is None:
        return "Start CoreDNS, or correct picdns.coredns.probe; then run `picdns up`."
    if heard.rcode == "REFUSED":
        return (
            "Let picdns.coredns.vpn_networks have the address from which this host asks, and see "
            "whether CoreDNS could load its zones; then run `picdns up`."
        )
    return "The heartbeat puts its zones live again at its next look, `picdns up` at once."
