"""A and AAAA: what is changed, what is created, and what is left alone."""

from typing import Any

import pytest

from picdns_core import ProviderError
from picdns_core.testing import Reply, Request, Rewrite, Zone
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import DOMAIN, MARK, ZONE, CellAtCloudflare, MakeCell, asked, bodies, without_soa


def listed(service: Cloudflare, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(record[field] for field in fields) for record in service.records(ZONE)]


def test_missing_records_are_created(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """At the domain and for all names below it, marked as this cell's."""
    publication = home.update_ip(ipv4="127.0.0.5", ipv6="::5")
    assert publication.changed
    assert str(publication.addresses.ipv4) == "127.0.0.5"
    records = zone.records()
    for name in ("home", "*.home"):
        assert records[name, "A"] == {"127.0.0.5"}
        assert records[name, "AAAA"] == {"::5"}
    assert listed(stand_in, "name", "type", "ttl", "proxied", "comment") == [
        (name, rdtype, 60, False, MARK)
        for name in (DOMAIN, f"*.{DOMAIN}")
        for rdtype in ("A", "AAAA")
    ]


def test_what_is_right_is_not_sent_again(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """One look at each of two names, and no more; an IPv6 address has several spellings."""
    home.update_ip(ipv4="127.0.0.5", ipv6="2001:db8::1")
    stand_in.requests.clear()
    assert not home.update_ip(ipv4="127.0.0.5", ipv6="2001:0db8:0::0001").changed
    path = f"GET /zones/{stand_in.zone_id(ZONE)}/dns_records"
    assert asked(stand_in) == [
        f"{path}?name.exact={DOMAIN}",
        f"{path}?name.exact=%2A.{DOMAIN}",
    ]


def test_only_the_content_of_a_record_is_changed(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """Proxying, TTL and comment are the owner's."""
    stand_in.add_record(ZONE, "A", DOMAIN, "127.0.0.4", proxied=True, comment="my server")
    stand_in.add_record(ZONE, "A", f"*.{DOMAIN}", "127.0.0.4", ttl=3600)
    kept = ("id", "name", "proxied", "ttl", "comment", "tags", "settings")
    before = listed(stand_in, *kept)
    assert home.update_ip(ipv4="127.0.0.5").changed
    assert bodies(stand_in, "PATCH") == [{"content": "127.0.0.5"}, {"content": "127.0.0.5"}]
    assert bodies(stand_in, "POST") == []
    assert listed(stand_in, *kept) == before
    assert listed(stand_in, "content") == [("127.0.0.5",), ("127.0.0.5",)]


def test_unknown_family_is_left_alone(home: CellAtCloudflare, zone: Zone) -> None:
    """No IPv6 address was found; that is no reason to take the old one away."""
    home.update_ip(ipv4="127.0.0.5", ipv6="::5")
    home.update_ip(ipv4="127.0.0.6")
    records = zone.records()
    assert records["home", "A"] == {"127.0.0.6"}
    assert records["home", "AAAA"] == {"::5"}


def test_cells_share_a_name_and_keep_apart(make_cell: MakeCell, zone: Zone) -> None:
    """Each changes and removes its own address of a round robin."""
    first, second = make_cell(name="first"), make_cell(name="second")
    first.update_ip(ipv4="127.0.0.5")
    second.update_ip(ipv4="127.0.0.6")
    first.update_ip(ipv4="127.0.0.7")
    assert zone.records()["home", "A"] == {"127.0.0.6", "127.0.0.7"}
    second.teardown()
    assert zone.records()["home", "A"] == {"127.0.0.7"}


def test_record_marked_by_hand_is_this_cells(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """The comment decides among several."""
    for name in (DOMAIN, f"*.{DOMAIN}"):
        stand_in.add_record(ZONE, "A", name, "127.0.0.4")
        stand_in.add_record(ZONE, "A", name, "127.0.0.3", comment=MARK)
    home.update_ip(ipv4="127.0.0.5")
    assert listed(stand_in, "content", "comment") == [("127.0.0.4", None), ("127.0.0.5", MARK)] * 2


def test_one_of_several_own_records_is_kept(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """The cell has one address of a family; the others were left over or marked by hand."""
    for name in (DOMAIN, f"*.{DOMAIN}"):
        for address in ("127.0.0.3", "127.0.0.4"):
            stand_in.add_record(ZONE, "A", name, address, comment=MARK)
    home.update_ip(ipv4="127.0.0.5")
    assert listed(stand_in, "content", "comment") == [("127.0.0.5", MARK)] * 2


def test_own_record_goes_when_another_has_the_address(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """Identical records cannot be, and the old address must not stay."""
    home.update_ip(ipv4="127.0.0.5")
    for name in (DOMAIN, f"*.{DOMAIN}"):
        stand_in.add_record(ZONE, "A", name, "127.0.0.6", comment="by hand")
    assert home.update_ip(ipv4="127.0.0.6").changed
    assert listed(stand_in, "content", "comment") == [("127.0.0.6", "by hand")] * 2


def test_several_records_of_others_are_not_guessed_at(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """Nothing is changed, at the other names neither, and the comment to set is named."""
    stand_in.add_record(ZONE, "A", f"*.{DOMAIN}", "127.0.0.3")
    stand_in.add_record(ZONE, "A", f"*.{DOMAIN}", "127.0.0.4")
    before = without_soa(zone.records())
    with pytest.raises(ProviderError) as refused:
        home.update_ip(ipv4="127.0.0.5")
    assert refused.value.message == (
        f"*.{DOMAIN} has 2 records of the type A, and none is marked as this cell's. "
        "Nothing was changed."
    )
    assert f"`{MARK}`" in refused.value.hint
    assert without_soa(zone.records()) == before


def test_cname_in_the_place_of_an_address_is_explained_and_stays(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """It is somebody's decision."""
    stand_in.add_record(ZONE, "CNAME", DOMAIN, "elsewhere.example")
    before = without_soa(zone.records())
    with pytest.raises(ProviderError, match=rf"^{DOMAIN} is a CNAME to elsewhere\.example"):
        home.update_ip(ipv4="127.0.0.5")
    assert without_soa(zone.records()) == before


def test_wildcard_cname_to_the_domain_follows_by_itself(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """A common way to write a wildcard; it leads to the right address."""
    stand_in.add_record(ZONE, "CNAME", f"*.{DOMAIN}", DOMAIN)
    home.update_ip(ipv4="127.0.0.5")
    assert zone.records()["home", "A"] == {"127.0.0.5"}
    assert zone.records()["*.home", "CNAME"] == {f"{DOMAIN}."}


def test_cname_that_appeared_meanwhile_is_explained(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """Between the look and the change."""

    def hide(_: Request, reply: Reply) -> Reply:
        body = b'{"success": true, "errors": [], "result": []}'
        return Reply(reply.status, reply.headers, body).with_headers({"Content-Length": None})

    stand_in.add_record(ZONE, "CNAME", DOMAIN, "elsewhere.example")
    stand_in.on("GET", "dns_records", Rewrite(hide))
    with pytest.raises(ProviderError) as refused:
        home.update_ip(ipv4="127.0.0.5")
    assert refused.value.message.startswith(
        "Another record at this name stands in the way, as a CNAME does. What is served stays so. "
        "Cloudflare says: A CNAME record with that host already exists."
    )
