"""Finding zones: the list with its filters and pages, and what is at no address."""

import httpx

from picdns_core.testing.services.cloudflare import Cloudflare
from tests.testing.cloudflare_standin.conftest import ZONES, Client, refusal


def test_zones_are_listed_page_by_page(client: Client) -> None:
    """The official client's iterator finds all of them, one a page."""
    first = client().zones.list(per_page=1)
    assert [zone.name for zone in first] == list(ZONES)
    assert first.result_info
    assert first.result_info.model_dump() == {
        "page": 1,
        "per_page": 1,
        "count": 1,
        "total_count": 3,
        "total_pages": 3,
    }


def test_a_zone_is_found_by_its_whole_name(stand_in: Cloudflare, client: Client) -> None:
    """A nested zone is not confused with the one above it, nor with names that are no zone."""
    zones = client().zones
    for name in ZONES:
        assert [zone.id for zone in zones.list(name=name)] == [stand_in.zone_id(name)]
    assert list(zones.list(name="www.cloud.test")) == []


def test_zones_are_filtered_by_status_and_account(stand_in: Cloudflare, client: Client) -> None:
    """All are active and of one account."""
    zones = client().zones
    assert len(list(zones.list(status="active", account={"id": stand_in.account_id}))) == 3
    assert list(zones.list(status="pending")) == []
    assert list(zones.list(account={"id": "0" * 32})) == []


def test_a_zone_is_described(stand_in: Cloudflare, client: Client) -> None:
    """With its account, its name servers and its plan."""
    zone = client().zones.get(zone_id=stand_in.zone_id("sub.cloud.test"))
    assert zone
    assert (zone.name, zone.status, zone.plan.name) == (
        "sub.cloud.test",
        "active",
        "Free Website",
    )
    assert zone.account.id == stand_in.account_id
    assert zone.name_servers == ["ns1.sub.cloud.test"]


def test_a_name_is_no_identifier(stand_in: Cloudflare, client: Client) -> None:
    """Where an id belongs, anything else is answered as if there was no such path."""
    denied = refusal(client().dns.records.list, zone_id="cloud.test")
    hint = "perhaps your object identifier is invalid?"
    path = "/client/v4/zones/cloud.test/dns_records"
    assert denied == (404, 7003, f"Could not route to {path}, {hint}")
    zone = stand_in.zone_id("cloud.test")
    assert refusal(client().dns.records.get, "1", zone_id=zone).code == 7003


def test_there_is_nothing_at_other_paths(stand_in: Cloudflare, http: httpx.Client) -> None:
    """An unknown path and an unknown method have the same answer."""
    token = {"Authorization": f"Bearer {stand_in.default_token}"}
    for reply in (http.get("/dns", headers=token), http.delete("/zones", headers=token)):
        assert reply.status_code == 404
        assert reply.json()["errors"][0]["code"] == 7003
