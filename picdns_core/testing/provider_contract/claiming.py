"""register and teardown: the name is claimed, and given back without a trace."""

import msgspec

from picdns_core import Registration
from picdns_core.testing import Zone

from . import elsewhere, picture
from .base import Contract
from .samples import BOTH, guests, neighbours
from .service import Service
from .tenant import Tenant
from .verdict import require


class Claiming(Contract):
    """The suite's part about the claim on the name."""

    def test_the_claim_can_be_kept_on_disk(
        self, tenant: Tenant, registration: Registration
    ) -> None:
        """It is for the cell's domain, and its notes come back from JSON as they were."""
        require(
            registration.domain == tenant.cell.domain,
            f"register claimed {registration.domain} for a cell whose domain is "
            f"{tenant.cell.domain}.",
            "claim cell.domain and return Registration(domain=cell.domain).",
        )
        kept = msgspec.json.decode(msgspec.json.encode(registration), type=Registration)
        require(
            kept == registration,
            f"Registration.notes come back from JSON as {kept.notes}; they were "
            f"{registration.notes}.",
            "use lists instead of tuples, and text for the keys of dicts.",
        )

    def test_registering_twice_changes_nothing(
        self, tenant: Tenant, registration: Registration, zone: Zone
    ) -> None:
        """The second time finds the claim of the first."""
        before = picture.taken(zone)
        again = tenant.register()
        require(
            again == registration,
            f"register returned {again} the second time, and {registration} the first.",
            "look for the claim that is there, and return it instead of making another.",
        )
        after = picture.taken(zone)
        require(
            after == before,
            f"register changed the zone the second time: {picture.shown(after ^ before)}.",
            "do nothing when the name is claimed already.",
        )

    def test_teardown_leaves_nothing_of_ours(self, tenant: Tenant, zone: Zone) -> None:
        """In a process that did not register, from the claim alone; and once more."""
        before = picture.taken(zone)
        registration = tenant.register()
        if tenant.mode.publishes_addresses:
            tenant.update_ip(registration, BOTH)
        elsewhere.teardown(tenant, registration)
        require(
            picture.becomes(zone, before),
            f"teardown left {picture.shown(picture.taken(zone) - before)} in the zone.",
            "remove every record that register and update_ip created.",
        )
        tenant.teardown(registration)
        require(
            picture.becomes(zone, before),
            "teardown changed the zone when there was nothing of ours any more: "
            f"{picture.shown(picture.taken(zone) ^ before)}.",
            "take what is gone already as done.",
        )

    def test_teardown_needs_no_notes(self, tenant: Tenant, zone: Zone) -> None:
        """As after a kill in register: its answer never came back."""
        before = picture.taken(zone)
        registration = tenant.register()
        if tenant.mode.publishes_addresses:
            tenant.update_ip(registration, BOTH)
        tenant.teardown(Registration(domain=tenant.cell.domain))
        require(
            picture.becomes(zone, before),
            "teardown of a registration without notes left "
            f"{picture.shown(picture.taken(zone) - before)} in the zone.",
            "find what this cell created by its domain where the notes do not say it.",
        )

    def test_teardown_spares_what_is_foreign(
        self, tenant: Tenant, service: Service, zone: Zone
    ) -> None:
        """Other people's records, in the same zone and of the same types, stay as they are."""
        for name, rdtype, value in neighbours(tenant.cell.domain, zone.name):
            zone.set(f"{name}.", rdtype, value)
        if service.foreign:
            for name, rdtype, value in guests(tenant.cell.domain):
                service.foreign(rdtype, name, value)
        before = picture.taken(zone)
        registration = tenant.register()
        if tenant.mode.publishes_addresses:
            tenant.update_ip(registration, BOTH)
        tenant.teardown(registration)
        require(
            picture.keeps(zone, before),
            f"teardown removed {picture.shown(before - picture.taken(zone))}, which was there "
            "before the cell.",
            "remove only what this cell created: keep its ids in Registration.notes, or mark it.",
        )
