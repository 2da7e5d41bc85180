"""update_ip: addresses are published; what is unknown is left alone."""

import pytest

from picdns_core import Addresses, Publication, Registration
from picdns_core.testing import Zone

from . import picture
from .base import Contract
from .samples import BOTH, ONLY_IPV4, ONLY_IPV6
from .tenant import Tenant
from .verdict import require

_TYPES = {"ipv4": "A", "ipv6": "AAAA"}


class Addressing(Contract):
    """The suite's part about A and AAAA records."""

    @pytest.fixture
    def published(self, tenant: Tenant, registration: Registration) -> Publication:
        """Publish an address of each family."""
        if not tenant.mode.publishes_addresses:
            pytest.skip(f"The mode {self.mode} publishes no addresses.")
        return tenant.update_ip(registration, BOTH)

    def test_addresses_are_published(
        self, tenant: Tenant, published: Publication, zone: Zone
    ) -> None:
        """Both families are answered for the cell's domain, and confirmed."""
        require(
            published == Publication(addresses=BOTH, changed=True),
            f"update_ip returned {published} for new addresses.",
            "return what the service confirmed, with changed=True.",
        )
        require_answered(zone, tenant, BOTH)

    def test_publishing_addresses_twice_changes_nothing(
        self, tenant: Tenant, registration: Registration, published: Publication, zone: Zone
    ) -> None:
        """The same addresses are what there is already."""
        before = picture.taken(zone)
        again = tenant.update_ip(registration, BOTH)
        require(
            again.addresses == published.addresses,
            f"update_ip returned {again.addresses} the second time.",
            "return the addresses as they are published, changed or not.",
        )
        after = picture.taken(zone)
        require(
            after == before,
            f"update_ip changed the zone the second time: {picture.shown(after ^ before)}.",
            "change the record that is there instead of adding one.",
        )

    @pytest.mark.parametrize("known", [ONLY_IPV4, ONLY_IPV6], ids=["ipv4", "ipv6"])
    @pytest.mark.usefixtures("published")
    def test_an_unknown_family_is_left_alone(
        self, known: Addresses, tenant: Tenant, registration: Registration, zone: Zone
    ) -> None:
        """The new address takes the old one's place; the family that was not found keeps its."""
        tenant.update_ip(registration, known)
        merged = Addresses(ipv4=known.ipv4 or BOTH.ipv4, ipv6=known.ipv6 or BOTH.ipv6)
        require_answered(zone, tenant, merged)


def require_answered(zone: Zone, tenant: Tenant, addresses: Addresses) -> None:
    """Fail unless the zone's name server answers with exactly these addresses."""
    for family, rdtype in _TYPES.items():
        expected = {str(getattr(addresses, family))}
        domain = tenant.cell.domain
        require(
            picture.answers_exactly(zone, domain, rdtype, expected),
            f"After update_ip the {rdtype} records of {domain} are "
            f"{', '.join(sorted(picture.answer(zone, domain, rdtype))) or 'none'}; they should be "
            f"{', '.join(expected)}.",
            "replace the address of a family that is given, and touch no record of one that is "
            "None: unknown is not absent.",
        )
