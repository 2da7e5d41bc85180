"""The zone of a name: the longest suffix that the token can see."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from picdns_core import AuthenticationFailed, ForeignName
from picdns_core.testing import Answer, LocalInternet, Reply, Request, Rewrite
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import (
    CHALLENGE,
    INNER_ZONE,
    ZONE,
    CellAtCloudflare,
    MakeCell,
    asked,
    challenge,
)


def test_longest_suffix_wins(make_cell: MakeCell) -> None:
    """A domain in a zone of its own is not written to the zone above."""
    assert make_cell(domain=f"home.{INNER_ZONE}").register().notes["zone"] == INNER_ZONE
    assert make_cell(domain=INNER_ZONE).register().notes["zone"] == INNER_ZONE
    assert make_cell(domain=f"home.{ZONE}").register().notes["zone"] == ZONE


def test_zone_that_the_token_cannot_see_does_not_count(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """Only what can be written to is of use."""
    token = stand_in.token(zones=[ZONE])
    assert make_cell(domain=f"home.{INNER_ZONE}", token=token).register().notes["zone"] == ZONE


INTERNATIONAL = "xn--bcher-kva.cf.test"


@pytest.fixture
def international(local_internet: LocalInternet) -> Iterator[Cloudflare]:
    """Two zones: one in Unicode, and the one above it."""
    zones = [local_internet.zone(name) for name in (ZONE, INTERNATIONAL)]
    with local_internet.cloudflare(*(zone.name for zone in zones)) as service:
        yield service


@pytest.mark.parametrize("by", ["name", "list", "id"])
def test_international_zone_is_known_by_its_ascii_name(
    international: Cloudflare, local_internet: LocalInternet, by: str
) -> None:
    """Cloudflare says it in Unicode, and its records' names in ASCII."""
    zone_id = international.zone_id(INTERNATIONAL)
    if by == "list":
        body = '{"success": false, "errors": [{"code": 1004, "message": "Invalid zone name."}]}'
        international.on("GET", r"/zones\?name=", Answer(400, body=body))
    settings: dict[str, Any] = {"zone_id": zone_id} if by == "id" else {}
    domain = f"home.{INTERNATIONAL}"
    cell = CellAtCloudflare(local_internet, international, domain=domain, **settings)
    assert cell.register().notes == {"zone_id": zone_id, "zone": INTERNATIONAL}
    assert cell.update_ip(ipv4="127.0.0.5").changed
    assert local_internet.zone(INTERNATIONAL).records()["home", "A"] == {"127.0.0.5"}
    assert cell.teardown() is True
    assert international.records(INTERNATIONAL) == []


@pytest.mark.parametrize("name", ["b\u00fc_cher.test", "xn--\u00fc.test"])
def test_zone_of_an_odd_name_hides_no_other(
    make_cell: MakeCell, stand_in: Cloudflare, name: str
) -> None:
    """It is in the list, has no A-labels, and is not what is sought."""

    def add(_: Request, reply: Reply) -> Reply:
        answer = json.loads(reply.body)
        answer["result"].append({"id": "0" * 32, "name": name})
        changed = replace(reply, body=json.dumps(answer).encode())
        return changed.with_headers({"Content-Length": None})

    stand_in.on("GET", "/zones[?]", Rewrite(add))
    assert make_cell(domain=ZONE).register().notes["zone"] == ZONE


def test_similar_name_is_not_in_the_zone(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """Labels are compared, not letters."""
    with pytest.raises(ForeignName, match=r"my-cf\.test is in no zone"):
        make_cell(domain=f"my-{ZONE}").register()
    assert stand_in.records(ZONE) == []


def test_domain_that_is_in_no_zone_is_said(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """With the zones that there are, and what to click."""
    token = stand_in.token(zones=[ZONE])
    with pytest.raises(ForeignName) as refused:
        make_cell(domain="home.example", token=token).register()
    assert refused.value.message == (
        "home.example is in no zone that the Cloudflare API token can see; it sees: cf.test."
    )
    assert "add the domain, or edit the token" in refused.value.hint


def test_token_that_may_not_read_zones_is_told_the_way_out(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """The permission by name, or the zone's id."""
    token = stand_in.token(permissions=["dns edit"])
    with pytest.raises(AuthenticationFailed) as refused:
        make_cell(token=token).register()
    assert "lacks the permission Zone.Zone: Read" in refused.value.message
    assert "requires permission 'com.cloudflare.api.account.zone.list'" in refused.value.message
    assert refused.value.hint.endswith("Or set ddns.zone_id.")


@pytest.mark.parametrize("name", ["challenges.elsewhere.example", f"_challenges.{ZONE}"])
def test_name_elsewhere_is_foreign_to_a_token_that_knows_one_zone_by_its_id(
    make_cell: MakeCell, stand_in: Cloudflare, name: str
) -> None:
    """A CNAME leads there; what is to be added is said, and not what is set already."""
    token = stand_in.token(zones=[ZONE], permissions=["dns edit"])
    cell = make_cell(token=token, zone_id=stand_in.zone_id(ZONE))
    cell.register()
    for act in (cell.publisher().publish, cell.publisher().withdraw):
        with pytest.raises(ForeignName) as refused:
            act(challenge("value", name))
        assert refused.value.message == (
            f"{name} is in no zone that the Cloudflare API token is known to write to, and it "
            "lacks the permission Zone.Zone: Read to find another. Nothing was changed."
        )
        assert refused.value.hint.endswith(
            f"add the permission Zone.Zone: Read, and include the zone that {name} is in under "
            "Zone Resources."
        )
    cell.publisher().publish(challenge("value"))
    assert [one["name"] for one in stand_in.records(ZONE)] == [CHALLENGE]


def test_token_that_expired_is_not_taken_for_one_that_lacks_a_permission(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """For a name elsewhere as for any other."""
    token = stand_in.token(disabled=True)
    cell = make_cell(token=token, zone_id=stand_in.zone_id(ZONE))
    with pytest.raises(AuthenticationFailed, match="it is disabled"):
        cell.publisher().publish(challenge("value", "challenges.elsewhere.example"))


def test_teardown_knows_a_zone_by_its_id_alone(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """What was published there goes; where the zone went, its id says which one it was."""
    token = stand_in.token(zones=[ZONE], permissions=["dns edit"])
    cell = make_cell(token=token, zone_id=stand_in.zone_id(ZONE))
    cell.register()
    cell.update_ip(ipv4="127.0.0.5")
    assert cell.teardown() is True
    assert stand_in.records(ZONE) == []
    body = '{"success": false, "errors": [{"code": 7003, "message": "No such zone."}]}'
    stand_in.on("GET", "dns_records", Answer(404, body=body))
    with pytest.raises(ForeignName, match=f"the zone {stand_in.zone_id(ZONE)} any more"):
        cell.teardown()


def test_name_that_is_refused_as_a_filter_is_sought_in_the_list(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """Some forms of names get HTTP 400 there."""
    body = '{"success": false, "errors": [{"code": 1004, "message": "Invalid zone name."}]}'
    stand_in.on("GET", r"/zones\?name=", Answer(400, body=body))
    assert make_cell(domain=f"home.{INNER_ZONE}").register().notes["zone"] == INNER_ZONE


def test_one_request_finds_a_zone_that_is_the_domain(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """And registering takes two more, for the canary."""
    make_cell(domain=ZONE).register()
    assert asked(stand_in)[0] == f"GET /zones?name={ZONE}"
    assert len(stand_in.requests) == 3
