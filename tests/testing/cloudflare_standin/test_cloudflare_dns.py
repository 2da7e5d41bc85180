"""From the API to DNS: what is served, and when."""

import ssl
import threading
from typing import Any

import cloudflare
import httpx
import pytest

from picdns_core.testing import LocalInternet, Zone
from picdns_core.testing.process import wait_until
from picdns_core.testing.services.cloudflare import Cloudflare
from tests.testing.cloudflare_standin.conftest import Client, refusal


@pytest.fixture
def zone(local_internet: LocalInternet) -> Zone:
    """The zone in DNS."""
    return local_internet.zone("cloud.test")


def test_the_account_begins_empty(stand_in: Cloudflare, zone: Zone) -> None:
    """What a zone has in DNS is not in its list, and stays where nobody made a record."""
    assert stand_in.records("cloud.test") == []
    assert zone.records()["*", "A"] == {"127.0.0.1"}


@pytest.mark.parametrize("content", ['"one value"', "one value", '"one" " value"'])
def test_a_txt_is_served_without_its_quotation_marks(
    stand_in: Cloudflare, zone: Zone, content: str
) -> None:
    """Strings of one record are read as one text."""
    stand_in.add_record("cloud.test", "TXT", "text", content)
    assert zone.records()["text", "TXT"] == {"one value"}


def test_other_types_are_served(stand_in: Cloudflare, client: Client, zone: Zone) -> None:
    """Targets are absolute, whether or not the client wrote the final dot."""
    stand_in.add_record("cloud.test", "NS", "below", "ns1.other.test")
    stand_in.add_record("cloud.test", "CNAME", "alias", "www.other.test.")
    records = client().dns.records
    place: dict[str, Any] = {"zone_id": stand_in.zone_id("cloud.test"), "name": "mx", "ttl": 60}
    records.create(**place, type="MX", content="mail.other.test", priority=5)
    records.create(**place, type="CAA", data={"flags": 0, "tag": "issue", "value": "ca.test"})
    served = zone.records()
    assert served["below", "NS"] == {"ns1.other.test."}
    assert served["alias", "CNAME"] == {"www.other.test."}
    assert served["mx", "MX"] == {"5 mail.other.test."}
    assert served["mx", "CAA"] == {'0 issue "ca.test"'}


def test_a_proxied_name_is_served_with_the_addresses_of_the_edge(
    stand_in: Cloudflare, client: Client, zone: Zone
) -> None:
    """Of both families; the content comes to light when the record is no longer proxied."""
    record = stand_in.add_record("cloud.test", "AAAA", "proxied", "::1", proxied=True)
    served = zone.records()
    assert served["proxied", "A"] == {"104.21.16.7", "172.67.128.7"}
    assert served["proxied", "AAAA"] == {"2606:4700:3030::6815:1007", "2606:4700:3031::ac43:8007"}
    zone_id = stand_in.zone_id("cloud.test")
    client().dns.records.edit(
        record, zone_id=zone_id, type="AAAA", name="proxied", ttl=60, proxied=False
    )
    served = zone.records()
    assert served["proxied", "AAAA"] == {"::1"}
    assert ("proxied", "A") not in served


def test_an_alias_is_served_alone(stand_in: Cloudflare, client: Client, zone: Zone) -> None:
    """A TXT beside it is kept in the account, and served when the alias is gone."""
    alias = stand_in.add_record("cloud.test", "CNAME", "both", "www.other.test")
    stand_in.add_record("cloud.test", "TXT", "both", '"hidden"')
    served = zone.records()
    assert served["both", "CNAME"] == {"www.other.test."}
    assert ("both", "TXT") not in served
    client().dns.records.delete(alias, zone_id=stand_in.zone_id("cloud.test"))
    served = zone.records()
    assert served["both", "TXT"] == {"hidden"}
    assert ("both", "CNAME") not in served


def test_a_renamed_record_leaves_its_old_name(
    stand_in: Cloudflare, client: Client, zone: Zone
) -> None:
    """DNS has the new name, and the old one no longer."""
    record = stand_in.add_record("cloud.test", "A", "old", "127.0.0.5")
    client().dns.records.edit(
        record,
        zone_id=stand_in.zone_id("cloud.test"),
        type="A",
        name="new",
        content="127.0.0.5",
        ttl=60,
    )
    served = zone.records()
    assert served["new", "A"] == {"127.0.0.5"}
    assert ("old", "A") not in served


def test_dns_follows_later_when_told_so(stand_in: Cloudflare, client: Client, zone: Zone) -> None:
    """The API confirms at once; the zone has the record when the time is over."""
    stand_in.propagation = 3600
    zone_id = stand_in.zone_id("cloud.test")
    made = client().dns.records.create(
        zone_id=zone_id, type="TXT", name="never", content='"x"', ttl=60
    )
    assert made
    assert ("never", "TXT") not in zone.records()
    stand_in.propagation = 0.05
    stand_in.add_record("cloud.test", "TXT", "late", '"x"')
    assert stand_in.records("cloud.test")[-1]["name"] == "late.cloud.test"
    assert wait_until(lambda: ("late", "TXT") in zone.records(), 10)
    assert ("never", "TXT") not in zone.records()


def test_a_later_change_at_once_is_not_undone(stand_in: Cloudflare, zone: Zone) -> None:
    """What was still to come for the same name is forgotten."""
    stand_in.propagation = 0.2
    stand_in.add_record("cloud.test", "TXT", "overtaken", '"one"')
    stand_in.propagation = 0
    stand_in.add_record("cloud.test", "TXT", "overtaken", '"two"')
    assert zone.records()["overtaken", "TXT"] == {"one", "two"}
    stand_in.propagation = 0.2
    stand_in.add_record("cloud.test", "TXT", "after", '"x"')
    assert wait_until(lambda: ("after", "TXT") in zone.records(), 10)
    assert zone.records()["overtaken", "TXT"] == {"one", "two"}


def test_nothing_waits_for_dns_when_it_is_closed(stand_in: Cloudflare, zone: Zone) -> None:
    """What was still to come is forgotten, and its thread is gone."""
    stand_in.propagation = 3600
    stand_in.add_record("cloud.test", "TXT", "closed", '"x"')
    assert "picdns-cloudflare" in {thread.name for thread in threading.enumerate()}
    stand_in.close()
    assert "picdns-cloudflare" not in {thread.name for thread in threading.enumerate()}
    assert ("closed", "TXT") not in zone.records()


def test_a_name_server_that_is_gone_is_cloudflares_trouble() -> None:
    """The API answers 500 and keeps nothing, so that the request can be repeated."""
    with LocalInternet() as net:
        stand_in = net.cloudflare("gone.test")
        net.zone("gone.test").servers[0].stop()
        context = ssl.create_default_context(cafile=str(net.authority.bundle))
        with cloudflare.Cloudflare(
            api_token=stand_in.default_token,
            base_url=stand_in.api_url,
            http_client=httpx.Client(verify=context),
            max_retries=0,
        ) as client:
            denied = refusal(
                client.dns.records.create,
                zone_id=stand_in.zone_id("gone.test"),
                type="A",
                name="x",
                content="127.0.0.5",
                ttl=60,
            )
        assert denied == (500, 10002, "An unknown error has occurred.")
        assert stand_in.records("gone.test") == []
