"""Claims that are not like the registration of this cell: unfinished ones, and former ones."""

import pytest

from picdns_core import ProviderUnavailable, Registration
from picdns_core.testing import Cut
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import DOMAIN, ZONE, CellAtCloudflare, MakeCell, challenge

UNFINISHED = Registration(domain=DOMAIN)


@pytest.mark.parametrize("is_given", [False, True], ids=["zone found", "zone given"])
def test_canary_of_a_registration_that_never_came_back_is_removed(
    make_cell: MakeCell, stand_in: Cloudflare, *, is_given: bool
) -> None:
    """Killed between writing and removing it, with no zone noted yet."""
    zone_id = {"zone_id": stand_in.zone_id(ZONE)} if is_given else {}
    home = make_cell(registration=UNFINISHED, **zone_id)
    stand_in.on("DELETE", "dns_records", Cut(), first=1)
    with pytest.raises(ProviderUnavailable):
        home.register()
    assert [one["name"] for one in stand_in.records(ZONE)] == [f"_picdns-canary.{DOMAIN}"]
    assert [home.teardown(), home.teardown()] == [True, False]
    assert stand_in.records(ZONE) == []


def test_unfinished_claim_is_published_for_and_withdrawn_from(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """The zone is looked up by the first call that needs it."""
    home = make_cell(registration=UNFINISHED)
    publisher = home.publisher()
    assert stand_in.requests == []
    publisher.publish(challenge("value"))
    assert [one["content"] for one in stand_in.records(ZONE)] == ['"value"']
    home.publisher().withdraw(challenge("value"))
    assert stand_in.records(ZONE) == []


def test_claim_that_found_no_zone_has_nothing_to_remove(make_cell: MakeCell) -> None:
    """As after a domain that was misspelt: it must not be torn down for ever."""
    misspelt = make_cell(domain="home.example", registration=Registration(domain="home.example"))
    assert misspelt.teardown() is False


def addresses(stand_in: Cloudflare) -> list[tuple[str, str, str]]:
    return sorted((one["name"], one["content"], one["comment"]) for one in stand_in.records(ZONE))


@pytest.mark.parametrize("address", ["127.0.0.5", "127.0.0.6"], ids=["same", "other"])
@pytest.mark.parametrize("is_first", [False, True], ids=["teardown first", "addresses first"])
def test_renamed_cell_has_the_records_and_its_former_name_none(
    make_cell: MakeCell, stand_in: Cloudflare, address: str, *, is_first: bool
) -> None:
    """Whichever comes first, and whether or not the address is still that of the former name."""
    old, new = make_cell(name="old"), make_cell(name="new")
    old.register()
    old.update_ip(ipv4="127.0.0.5")
    new.register()
    if is_first:
        new.update_ip(ipv4=address)
        old.teardown()
    else:
        old.teardown()
        new.update_ip(ipv4=address)
    ours = [(f"*.{DOMAIN}", address, "picdns cell new"), (DOMAIN, address, "picdns cell new")]
    assert addresses(stand_in) == ours
    assert new.update_ip(ipv4=address).changed is False


def test_record_that_is_taken_over_keeps_all_but_its_mark(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """It is the same record; its owner may have set it to be proxied."""
    stand_in.add_record(ZONE, "A", DOMAIN, "127.0.0.5", comment="picdns cell old", proxied=True)
    [before] = stand_in.records(ZONE)
    make_cell(name="new").update_ip(ipv4="127.0.0.5")
    [after] = [one for one in stand_in.records(ZONE) if one["name"] == DOMAIN]
    kept = ("id", "content", "proxied", "ttl")
    assert [after[key] for key in kept] == [before[key] for key in kept]
    assert after["comment"] == "picdns cell new"


def test_teardown_of_the_only_cell_leaves_nothing(home: CellAtCloudflare) -> None:
    """A claim that is whole and one that is not are for the same records."""
    home.register()
    home.update_ip(ipv4="127.0.0.5")
    home.registration = UNFINISHED
    assert [home.teardown(), home.teardown()] == [True, False]
