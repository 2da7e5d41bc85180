"""TXT values: published beside others, and only this cell's own removed."""

import pytest

from picdns_core import ForeignName, ProviderUnavailable, Publisher
from picdns_core.testing import Answer, Cut, LocalInternet, Zone
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import (
    CHALLENGE,
    INNER_ZONE,
    MARK,
    OTHER_ZONE,
    ZONE,
    CellAtCloudflare,
    MakeCell,
    asked,
    bodies,
    challenge,
    without_soa,
)

TXT = ("_acme-challenge.home", "TXT")


@pytest.fixture
def publisher(home: CellAtCloudflare) -> Publisher:
    return home.publisher()


def test_values_stand_beside_each_other(publisher: Publisher, zone: Zone) -> None:
    """As apex and wildcard need it; one goes and the other stays."""
    publisher.publish(challenge("apex"))
    publisher.publish(challenge("wildcard"))
    assert zone.records()[TXT] == {"apex", "wildcard"}
    publisher.withdraw(challenge("apex"))
    assert zone.records()[TXT] == {"wildcard"}


def test_value_is_sent_in_quotes_and_marked(publisher: Publisher, stand_in: Cloudflare) -> None:
    """As a TXT's content is written, with the least TTL."""
    publisher.publish(challenge("value"))
    [body] = bodies(stand_in, "POST")
    assert (body["content"], body["ttl"], body["comment"]) == ('"value"', 60, MARK)


def test_neither_way_looks_for_the_zone_or_lists_records(
    publisher: Publisher, stand_in: Cloudflare
) -> None:
    """The registration has the zone, and the answer to publishing the record: two requests."""
    publisher.publish(challenge("value"))
    publisher.withdraw(challenge("value"))
    records = f"/zones/{stand_in.zone_id(ZONE)}/dns_records"
    post, delete = asked(stand_in)
    assert post == f"POST {records}"
    assert delete.startswith(f"DELETE {records}/")


def test_publishing_twice_changes_nothing(publisher: Publisher, zone: Zone) -> None:
    """An identical record is success."""
    publisher.publish(challenge("value"))
    before = without_soa(zone.records())
    publisher.publish(challenge("value"))
    assert without_soa(zone.records()) == before


def test_another_process_withdraws(home: CellAtCloudflare, zone: Zone) -> None:
    """It finds the value by name, and a second time that it is gone."""
    before = without_soa(zone.records())
    home.publisher().publish(challenge("value"))
    for _ in range(2):
        home.publisher().withdraw(challenge("value"))
        assert without_soa(zone.records()) == before


def test_value_that_came_back_is_withdrawn_again(home: CellAtCloudflare, zone: Zone) -> None:
    """It is another record by now, which another process wrote."""
    before = without_soa(zone.records())
    publisher = home.publisher()
    publisher.publish(challenge("value"))
    publisher.withdraw(challenge("value"))
    home.publisher().publish(challenge("value"))
    publisher.withdraw(challenge("value"))
    assert without_soa(zone.records()) == before


def test_value_whose_publication_got_no_answer_is_withdrawn(
    publisher: Publisher, stand_in: Cloudflare
) -> None:
    """It may be there, and it was."""
    stand_in.on("POST", "dns_records", Cut("reply"))
    with pytest.raises(ProviderUnavailable):
        publisher.publish(challenge("value"))
    assert len(stand_in.records(ZONE)) == 1
    publisher.withdraw(challenge("value"))
    assert stand_in.records(ZONE) == []


def test_withdrawal_that_failed_is_repeated(publisher: Publisher, stand_in: Cloudflare) -> None:
    """By the same publisher, which still knows the record."""
    publisher.publish(challenge("value"))
    stand_in.on("DELETE", "dns_records", Answer(500), first=1)
    with pytest.raises(ProviderUnavailable):
        publisher.withdraw(challenge("value"))
    publisher.withdraw(challenge("value"))
    assert stand_in.records(ZONE) == []


def test_record_that_somebody_deleted_is_fine(publisher: Publisher, stand_in: Cloudflare) -> None:
    """Cloudflare says that there is none, which is what was wanted."""
    publisher.publish(challenge("value"))
    stand_in.on("DELETE", "dns_records", Cut("reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        publisher.withdraw(challenge("value"))
    assert stand_in.records(ZONE) == []
    publisher.withdraw(challenge("value"))
    assert asked(stand_in)[-1].startswith("DELETE")


@pytest.mark.parametrize("comment", [None, "by hand", "picdns cell garden"])
def test_identical_value_of_others_survives(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone, comment: str | None
) -> None:
    """It serves as ours, and is not removed as ours."""
    stand_in.add_record(ZONE, "TXT", CHALLENGE, '"value"', comment=comment)
    before = without_soa(zone.records())
    publisher = home.publisher()
    publisher.publish(challenge("value"))
    publisher.withdraw(challenge("value"))
    home.publisher().withdraw(challenge("value"))
    assert without_soa(zone.records()) == before


def test_own_value_is_found_on_a_later_page(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """Of sixty values at the name, fifty are on the first."""
    for number in range(60):
        stand_in.add_record(ZONE, "TXT", CHALLENGE, f'"{number}"')
    before = without_soa(zone.records())
    home.publisher().publish(challenge("value"))
    home.publisher().withdraw(challenge("value"))
    assert without_soa(zone.records()) == before


def test_delegated_name_is_written_in_its_own_zone(
    publisher: Publisher, stand_in: Cloudflare, local_internet: LocalInternet
) -> None:
    """Its zone is looked up once, by the suffixes that can be a zone."""
    record = challenge("value", f"home._challenges.{OTHER_ZONE}")
    publisher.publish(record)
    other = local_internet.zone(OTHER_ZONE)
    assert other.records()["home._challenges", "TXT"] == {"value"}
    publisher.withdraw(record)
    assert ("home._challenges", "TXT") not in other.records()
    assert [one for one in asked(stand_in) if "/zones?" in one] == [f"GET /zones?name={OTHER_ZONE}"]


def test_foreign_name_is_said_and_nothing_written(
    publisher: Publisher, stand_in: Cloudflare
) -> None:
    """With the zones that there are."""
    with pytest.raises(ForeignName) as refused:
        publisher.publish(challenge("value", "home.challenges.example"))
    assert refused.value.message == (
        "home.challenges.example is in no zone that the Cloudflare API token can see; "
        f"it sees: {OTHER_ZONE}, {ZONE}, {INNER_ZONE}."
    )
    assert bodies(stand_in, "POST") == []


def test_cells_have_values_at_one_name(make_cell: MakeCell, zone: Zone) -> None:
    """Each withdraws its own."""
    first, second = make_cell(name="first"), make_cell(name="second")
    first.publisher().publish(challenge("of the first"))
    second.publisher().publish(challenge("of the second"))
    first.publisher().withdraw(challenge("of the second"))
    assert zone.records()[TXT] == {"of the first", "of the second"}
    second.publisher().withdraw(challenge("of the second"))
    assert zone.records()[TXT] == {"of the first"}
