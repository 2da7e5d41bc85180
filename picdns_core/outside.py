"""Names that others publish, compared with the public address of this host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from picdns_core.address.finding import FAMILIES, LABELS, Address, Family, Finding, Sighting
from picdns_core.address.public import is_of_a_cdn
from picdns_core.errors import ProviderUnavailable
from picdns_core.model import Addresses, Difference

if TYPE_CHECKING:
    from picdns_core.job import Job
    from picdns_core.settings import AddressSettings

_PARALLEL = 8
_INTENDED = "Where a tunnel or proxy stands before this host on purpose"


def look(job: Job) -> tuple[Difference, ...]:
    """Ask for the addresses of all names of the services; what DNS does not say is no difference.

    Asks nobody where the settings say that there is no address to compare with.
    """
    settings = job.picdns.address
    if settings.ipv4 == settings.ipv6 == "off":
        return ()
    finding = job.finder.find(Addresses())

    def differing(name: str) -> Difference | None:
        try:
            shown = [job.lookup.addresses(name, rdtype).addresses for rdtype in ("A", "AAAA")]
        except ProviderUnavailable:
            return None
        return compare(name, frozenset().union(*shown), finding, settings)

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-outside") as pool:
        return tuple(one for one in pool.map(differing, job.cell.service_names) if one)


def compare(
    name: str, shown: Iterable[Address], finding: Finding, settings: AddressSettings
) -> Difference | None:
    """Say what is wrong with the addresses that DNS shows; None when nothing is known to be.

    Addresses of a CDN tell nothing of what is behind. An address of a family that this host does
    not have is a dead one.
    """
    by_family: dict[Family, list[str]] = {family: [] for family in FAMILIES}
    for address in shown:
        if is_of_a_cdn(address):
            return None
        by_family["ipv4" if address.version == 4 else "ipv6"].append(str(address))  # noqa: PLR2004
    own = {"ipv4": finding.ipv4.address, "ipv6": finding.ipv6.address}
    expected = tuple(str(one) for one in own.values() if one)
    if not any(by_family.values()):
        return Difference(
            where="outside",
            name=name,
            expected=expected,
            found=(),
            message=f"Public DNS has no address for {name}: nobody outside gets there, and no "
            "certificate can be had for it. Inside, and until its certificate ends, all is well.",
            hint=f"Where your domain is managed, add {' and '.join(_records(name, expected))}.",
        )
    wrong = list(_wrong(by_family, finding, settings))
    if not wrong:
        return None
    return Difference(
        where="outside",
        name=name,
        expected=expected,
        found=tuple(sorted(address for addresses in by_family.values() for address in addresses)),
        message=" ".join(f"Public DNS leads {name} to {text}" for text, _ in wrong)
        + " Who goes there does not come here, the CA among them. Inside all is well.",
        hint=" ".join(hint for _, hint in wrong),
    )


def _wrong(
    shown: dict[Family, list[str]], finding: Finding, settings: AddressSettings
) -> Iterator[tuple[str, str]]:
    """Tell of each family what stands there that leads elsewhere, and the mend."""
    for family in FAMILIES:
        sighting: Sighting = getattr(finding, family)
        label, key = LABELS[family], f"picdns.address.{family}"
        there = " and ".join(sorted(shown[family]))
        rdtype = "A" if family == "ipv4" else "AAAA"
        strange = [one for one in shown[family] if one != str(sighting.address)]
        absent = sighting.verdict is not None and sighting.verdict.kind == "absent"
        if sighting.address and strange:
            text = f"{there}, but this host's public {label} address is {sighting.address}."
            hint = f"Set the {rdtype} record to {sighting.address}, and no other."
            yield text, f"{hint} {_INTENDED}, set {key} to its address, or to off."
        elif strange and (absent or getattr(settings, family) == "off"):
            text = f"{there}, but this host has no {label}: the {rdtype} record is dead."
            hint = f"Remove the {rdtype} record. If it is right, and picdns runs where it cannot "
            yield text, f"{hint}see that, set {key} to the address."


def _records(name: str, addresses: tuple[str, ...]) -> list[str]:
    if not addresses:
        return [f"an A record for {name} with your public address"]
    return [f"{'AAAA' if ':' in one else 'A'} {one} for {name}" for one in addresses]
