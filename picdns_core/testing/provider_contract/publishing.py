"""publisher: DNS-01 values become visible, and go, one by one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from picdns_core import Publisher, Registration, TxtRecord
from picdns_core.testing import Zone

from . import elsewhere, picture
from .base import Contract
from .samples import answer_for
from .service import Service
from .tenant import Tenant
from .verdict import require


class Publishing(Contract):
    """The suite's part about DNS-01."""

    @pytest.fixture
    def record(self, tenant: Tenant) -> TxtRecord:
        return answer_for(tenant.cell.domain)

    @pytest.fixture
    def other(self, tenant: Tenant, publisher: Publisher) -> TxtRecord:
        """Return a second value of the same name, where the name can hold it."""
        if publisher.values_per_name == 1:
            pytest.skip(f"At {self.mode} a name holds one value.")
        return answer_for(tenant.cell.domain)

    def test_a_value_is_published_and_withdrawn(
        self, publisher: Publisher, record: TxtRecord, zone: Zone
    ) -> None:
        """It is answered by the zone's name server, and leaves no trace."""
        before = picture.taken(zone)
        publisher.publish(record)
        require_visible(zone, record, "write record.value to the TXT records of record.name.")
        publisher.withdraw(record)
        require(
            picture.becomes(zone, before),
            "withdraw did not leave the zone as it was before publish: "
            f"{picture.shown(picture.taken(zone) ^ before)}.",
            "remove the record that publish made, and no other.",
        )

    def test_publishing_twice_changes_nothing(
        self, publisher: Publisher, record: TxtRecord, zone: Zone
    ) -> None:
        """What is there already is fine; an interrupted order publishes again."""
        before = picture.taken(zone)
        publisher.publish(record)
        once = picture.taken(zone)
        publisher.publish(record)
        require_visible(zone, record, "leave a value that is there already.")
        after = picture.taken(zone)
        require(
            after == once,
            f"publish changed the zone the second time: {picture.shown(after ^ once)}.",
            "leave a value that is there already.",
        )
        publisher.withdraw(record)
        require(
            picture.becomes(zone, before),
            "after publish twice and withdraw once the zone has "
            f"{picture.shown(picture.taken(zone) - before)}.",
            "take a value that is there already as published.",
        )

    def test_withdrawing_what_is_not_there_is_fine(
        self, publisher: Publisher, record: TxtRecord, zone: Zone
    ) -> None:
        """Before it was published, and once it was withdrawn."""
        before = picture.taken(zone)
        publisher.withdraw(record)
        publisher.publish(record)
        publisher.withdraw(record)
        publisher.withdraw(record)
        require(
            picture.becomes(zone, before),
            f"withdraw changed the zone: {picture.shown(picture.taken(zone) ^ before)}.",
            "take what is gone already as done.",
        )

    def test_a_fresh_process_withdraws(
        self,
        tenant: Tenant,
        registration: Registration,
        publisher: Publisher,
        record: TxtRecord,
        zone: Zone,
    ) -> None:
        """One that never published, after a kill; all it has is the claim and the record."""
        before = picture.taken(zone)
        publisher.publish(record)
        elsewhere.withdraw(tenant, registration, record)
        require(
            picture.becomes(zone, before),
            f"withdraw in a fresh process left {picture.shown(picture.taken(zone) - before)}.",
            "find the record by its name and value at the service; remember nothing.",
        )

    def test_values_stand_beside_each_other(
        self, publisher: Publisher, record: TxtRecord, other: TxtRecord, zone: Zone
    ) -> None:
        """Apex and wildcard are proven by two values of one name."""
        publisher.publish(record)
        publisher.publish(other)
        mend = "add a value to those there are, or say values_per_name = 1."
        require_visible(zone, record, mend)
        require_visible(zone, other, mend)

    def test_withdrawing_spares_the_other_value(
        self, publisher: Publisher, record: TxtRecord, other: TxtRecord, zone: Zone
    ) -> None:
        """One goes, the other is still being looked at by the CA."""
        publisher.publish(record)
        publisher.publish(other)
        publisher.withdraw(record)
        require(
            picture.answers_with(zone, other.name, "TXT", there={other.value}),
            "withdraw removed a value that it was not given.",
            "delete only the record whose content is record.value.",
        )
        require(
            picture.answers_with(zone, record.name, "TXT", gone={record.value}),
            "withdraw left the value that it was given, beside another.",
            "delete the record whose content is record.value.",
        )

    def test_a_foreign_value_survives(
        self,
        service: Service,
        publisher: Publisher,
        record: TxtRecord,
        other: TxtRecord,
        zone: Zone,
    ) -> None:
        """Somebody else's, at the same name: another client of the same zone."""
        if service.foreign is None:
            pytest.skip(f"At {self.mode} nobody else can write at the cell's name.")
        service.foreign("TXT", other.name, other.value)
        publisher.publish(record)
        require_visible(zone, record, "write beside the values there are.")
        require(
            picture.answers_with(zone, other.name, "TXT", there={other.value}),
            "publish removed a value that somebody else had put there.",
            "add a record instead of replacing all that the name has.",
        )
        publisher.withdraw(record)
        require(
            picture.answers_with(zone, other.name, "TXT", there={other.value}),
            "withdraw removed a value that somebody else had put there.",
            "delete only the record whose content is record.value.",
        )

    def test_two_threads_do_not_meet(
        self, tenant: Tenant, registration: Registration, other: TxtRecord, zone: Zone
    ) -> None:
        """Two certificates are ordered at a time, each with a publisher of its own."""
        before = picture.taken(zone)
        together = threading.Barrier(2, timeout=30)

        def order(record: TxtRecord) -> frozenset[str]:
            with tenant.publisher(registration) as publisher:
                assert publisher  # noqa: S101 - `other` is for modes that have one
                together.wait()
                publisher.publish(record)
                together.wait()
                seen = picture.answer(zone, record.name, "TXT")
                together.wait()
                publisher.withdraw(record)
                return seen

        records = [other, answer_for(tenant.cell.domain)]
        with ThreadPoolExecutor(2) as pool:
            seen = frozenset[str]().union(*pool.map(order, records))
        require(
            seen.issuperset(record.value for record in records),
            f"Two threads published a value each, and the name server answered with {set(seen)}.",
            "share nothing between calls, and add values instead of writing the whole set.",
        )
        require(
            picture.becomes(zone, before),
            f"Two threads withdrew what they had published, and the zone has "
            f"{picture.shown(picture.taken(zone) - before)}.",
            "share nothing between calls, and delete one record instead of writing the whole set.",
        )


def require_visible(zone: Zone, record: TxtRecord, mend: str) -> None:
    """Fail unless the zone's name server answers with the value."""
    seen = picture.answer(zone, record.name, "TXT")
    require(
        picture.answers_with(zone, record.name, "TXT", there={record.value}),
        f"publish returned, and the TXT records of {record.name} are "
        f"{', '.join(sorted(seen)) or 'none'}, without {record.value}.",
        mend,
    )
