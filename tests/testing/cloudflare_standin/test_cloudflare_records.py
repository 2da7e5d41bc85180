"""Records through the API: how they are kept, found, changed and refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from cloudflare.resources.dns.records import RecordsResource

from picdns_core.testing import LocalInternet
from picdns_core.testing.services.cloudflare import Cloudflare
from tests.testing.cloudflare_standin.conftest import Client, Refusal, refusal

_SAME_NAME = (
    "For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/"
    "troubleshooting/records-with-same-name/>."
)


class Records:
    """The records of `cloud.test`, by the official client."""

    def __init__(self, stand_in: Cloudflare, resource: RecordsResource) -> None:
        self._zone = stand_in.zone_id("cloud.test")
        self._resource = resource

    def create(self, **fields: Any) -> Any:
        fields = {"type": "A", "ttl": 60, **fields}
        return self._resource.create(zone_id=self._zone, **fields)

    def edit(self, made: Any, **changes: Any) -> Any:
        fields = {"type": made.type, "name": made.name, "ttl": made.ttl} | changes
        return self._resource.edit(made.id, zone_id=self._zone, **fields)

    def update(self, identifier: str, **fields: Any) -> Any:
        return self._resource.update(identifier, zone_id=self._zone, **fields)

    def get(self, identifier: str) -> Any:
        return self._resource.get(identifier, zone_id=self._zone)

    def delete(self, identifier: str) -> Any:
        return self._resource.delete(identifier, zone_id=self._zone)

    def batch(self, **changes: Any) -> Any:
        return self._resource.batch(zone_id=self._zone, **changes)

    def list(self, **asked: Any) -> Any:
        return self._resource.list(zone_id=self._zone, **asked)


@pytest.fixture
def records(stand_in: Cloudflare, client: Client) -> Records:
    """The records of the zone, none at first."""
    return Records(stand_in, client().dns.records)


@pytest.fixture
def many(stand_in: Cloudflare) -> None:
    """Some records to search."""
    stand_in.add_record("cloud.test", "A", "www", "127.0.0.7", comment="Made by Hand")
    stand_in.add_record("cloud.test", "AAAA", "www", "::1", proxied=True)
    stand_in.add_record("cloud.test", "A", "mail", "127.0.0.8", ttl=120)
    stand_in.add_record("cloud.test", "TXT", "@", '"One"', comment="picdns")
    stand_in.add_record("cloud.test", "TXT", "_acme-challenge", "two")


def test_a_new_record_has_all_its_fields(records: Records) -> None:
    """What was not said has its default; the record reads the same afterwards."""
    made = records.create(name="New.cloud.test", content="127.0.0.5", comment="of a cell")
    dates = {"created_on", "modified_on", "comment_modified_on"}
    assert made.model_dump(exclude_none=True, exclude={"id", *dates}) == {
        "name": "new.cloud.test",
        "type": "A",
        "content": "127.0.0.5",
        "ttl": 60,
        "proxied": False,
        "proxiable": True,
        "comment": "of a cell",
        "tags": [],
        "settings": {},
        "meta": {},
    }
    assert len(made.id) == 32
    assert made.created_on == made.modified_on == made.comment_modified_on
    assert records.get(made.id) == made
    assert list(records.list()) == [made]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("@", "cloud.test"),
        ("cloud.test", "cloud.test"),
        ("www", "www.cloud.test"),
        ("www.cloud.test.", "www.cloud.test"),
        ("*.www", "*.www.cloud.test"),
        ("www.other.test", "www.other.test.cloud.test"),
        ("notcloud.test", "notcloud.test.cloud.test"),
    ],
)
def test_a_name_is_completed_with_the_zone(records: Records, given: str, kept: str) -> None:
    """A name of another zone is no error: it ends up below this one."""
    assert records.create(name=given, content="127.0.0.5").name == kept


@pytest.mark.parametrize("content", ['"kept as sent"', "kept as sent", '"in" "two"'])
def test_a_txt_is_kept_as_it_was_sent(records: Records, content: str) -> None:
    """With quotation marks or without, and searched for in the same way."""
    made = records.create(type="TXT", name="txt", content=content)
    assert made.content == content
    assert [one.id for one in records.list(content={"exact": content})] == [made.id]
    otherwise = content.replace('"', "") if content.startswith('"') else f'"{content}"'
    assert list(records.list(content={"exact": otherwise})) == []


@pytest.mark.usefixtures("many")
def test_records_are_listed_page_by_page(records: Records) -> None:
    """The official client's iterator finds all; a page says how many there are."""
    page = records.list(per_page=2)
    assert [one.type for one in page] == ["A", "AAAA", "A", "TXT", "TXT"]
    info = {"page": 1.0, "per_page": 2.0, "count": 2.0, "total_count": 5.0, "total_pages": 3.0}
    assert page.result_info.model_dump() == info
    assert [one.name for one in records.list(page=3, per_page=2).result] == [
        "_acme-challenge.cloud.test"
    ]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"type": "TXT"}, ['"One"', "two"]),
        ({"name": {"exact": "WWW.cloud.test"}}, ["127.0.0.7", "::1"]),
        ({"name": {"exact": "www"}}, []),
        ({"name": {"startswith": "_acme"}}, ["two"]),
        ({"name": {"endswith": "mail.cloud.test"}}, ["127.0.0.8"]),
        ({"type": "A", "name": {"exact": "www.cloud.test"}}, ["127.0.0.7"]),
        ({"content": {"exact": '"one"'}}, ['"One"']),
        ({"content": {"exact": "One"}}, []),
        ({"content": {"contains": "one"}}, ['"One"']),
        ({"comment": {"exact": "made by hand"}}, ["127.0.0.7"]),
        ({"comment": {"present": "true"}}, ["127.0.0.7", '"One"']),
        ({"comment": {"absent": "true"}, "type": "A"}, ["127.0.0.8"]),
        ({"proxied": True}, ["::1"]),
        ({"match": "any", "type": "AAAA", "content": {"exact": "two"}}, ["::1", "two"]),
        ({"type": "A", "order": "content", "direction": "desc"}, ["127.0.0.8", "127.0.0.7"]),
    ],
)
def test_records_are_found(records: Records, asked: dict[str, Any], found: list[str]) -> None:
    """Each filter of the list, alone and with others; case does not matter."""
    assert [one.content for one in records.list(**asked)] == found


def test_a_plain_name_filter_is_exact(stand_in: Cloudflare, http: httpx.Client) -> None:
    """As clients ask that are older than the filters with operators."""
    stand_in.add_record("cloud.test", "A", "www", "127.0.0.7")
    stand_in.add_record("cloud.test", "A", "www2", "127.0.0.8")
    reply = http.get(
        f"/zones/{stand_in.zone_id('cloud.test')}/dns_records",
        params={"name": "www.cloud.test", "content": "127.0.0.7"},
        headers={"Authorization": f"Bearer {stand_in.default_token}"},
    )
    assert [record["content"] for record in reply.json()["result"]] == ["127.0.0.7"]


def test_a_patch_changes_only_what_it_names(
    stand_in: Cloudflare, records: Records, http: httpx.Client
) -> None:
    """Proxying and comment survive a new address; the comment's date stays too."""
    made = records.create(name="home", content="127.0.0.5", proxied=True, comment="mine")
    assert made.ttl == 1
    # The official client would have it name type, name and TTL as well.
    reply = http.patch(
        f"/zones/{stand_in.zone_id('cloud.test')}/dns_records/{made.id}",
        headers={"Authorization": f"Bearer {stand_in.default_token}"},
        json={"content": "127.0.0.6"},
    )
    assert reply.json()["result"]["content"] == "127.0.0.6"
    changed = records.get(made.id)
    assert changed.modified_on > made.modified_on
    assert changed == made.model_copy(
        update={"content": "127.0.0.6", "modified_on": changed.modified_on}
    )


def test_a_put_replaces_everything(records: Records) -> None:
    """What it does not name is back at its default; id and birth stay."""
    made = records.create(name="home", content="127.0.0.5", proxied=True, comment="mine")
    put = records.update(made.id, type="A", name="home2", content="127.0.0.6", ttl=300)
    assert (put.id, put.created_on) == (made.id, made.created_on)
    assert (put.name, put.content, put.ttl) == ("home2.cloud.test", "127.0.0.6", 300)
    assert (put.proxied, put.comment) == (False, None)


def test_what_is_deleted_does_not_exist(records: Records) -> None:
    """A second deletion, and every other use of the id, is answered with 404."""
    made = records.create(name="gone", content="127.0.0.5")
    assert records.delete(made.id).id == made.id
    missing = Refusal(404, 81044, "Record does not exist.")
    assert refusal(records.delete, made.id) == missing
    assert refusal(records.get, made.id) == missing
    assert refusal(records.edit, made, content="127.0.0.6") == missing


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"content": "::1"}, 9005, "Content for A record must be a valid IPv4 address."),
        ({"content": "127.0.0.300"}, 9005, "Content for A record must be a valid IPv4 address."),
        (
            {"type": "AAAA", "content": "127.0.0.1"},
            9006,
            "Content for AAAA record must be a valid IPv6 address.",
        ),
        (
            {"type": "CNAME", "content": "https://x.test/"},
            9007,
            "Content for CNAME record is invalid.",
        ),
        ({"name": "a..b"}, 9000, "DNS name is invalid."),
        ({"name": ""}, 9000, "DNS name is invalid."),
        ({"ttl": 59}, 9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic."),
        ({"ttl": 86401}, 9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic."),
        (
            {"comment": "x" * 101},
            9313,
            "DNS record comment exceeds the maximum length of 100 characters.",
        ),
        ({"tags": ["a:b"]}, 9300, "DNS record has 1 tags, exceeding the quota of 0."),
        (
            {"type": "TXT", "content": '"x"', "proxied": True},
            9004,
            "This record type cannot be proxied.",
        ),
        (
            {"content": "192.168.1.1", "proxied": True},
            9003,
            "Target 192.168.1.1 is not allowed for a proxied record.",
        ),
    ],
)
def test_a_bad_record_is_refused(
    records: Records, fields: dict[str, Any], code: int, message: str
) -> None:
    """Each with the code and the words of its mistake, and nothing is kept."""
    good = {"name": "bad", "content": "127.0.0.5"}
    assert refusal(records.create, **good | fields) == (400, code, message)
    assert list(records.list()) == []


def test_a_private_address_cannot_be_proxied(records: Records) -> None:
    """The record itself is fine, and says so; a loopback address counts as public here."""
    assert records.create(name="lan", content="192.168.1.1").proxiable is False
    assert records.create(name="net", content="127.0.0.5").proxiable is True


def test_one_name_has_several_values_but_none_twice(records: Records) -> None:
    """A second value is added beside the first, the same value is refused."""
    records.create(type="TXT", name="_acme-challenge", content='"one"')
    second = records.create(type="TXT", name="_acme-challenge", content='"two"')
    identical = Refusal(400, 81058, "An identical record already exists.")
    again = {"type": "TXT", "name": "_acme-challenge.cloud.test", "content": '"one"', "ttl": 300}
    assert refusal(records.create, **again) == identical
    assert refusal(records.edit, second, content='"one"') == identical
    assert records.edit(second, content='"two"', ttl=120).ttl == 120


def test_an_alias_and_an_address_exclude_each_other(records: Records) -> None:
    """Each is refused where the other is; a TXT beside an alias is taken."""
    records.create(type="CNAME", name="alias", content="www.cloud.test")
    records.create(name="host", content="127.0.0.5")
    has_alias = f"A CNAME record with that host already exists. {_SAME_NAME}"
    has_host = f"An A, AAAA, or CNAME record with that host already exists. {_SAME_NAME}"
    assert refusal(records.create, name="alias", content="127.0.0.5") == (400, 81054, has_alias)
    for name in ("host", "alias"):
        alias = {"type": "CNAME", "name": name, "content": "mail.cloud.test"}
        assert refusal(records.create, **alias) == (400, 81053, has_host)
    assert records.create(type="TXT", name="alias", content='"x"').name == "alias.cloud.test"


def test_a_batch_runs_in_its_own_order(records: Records, local_internet: LocalInternet) -> None:
    """Deletions come first, so that an alias can give way to an address in one request."""
    alias = records.create(type="CNAME", name="moving", content="www.cloud.test")
    patched = records.create(name="patched", content="127.0.0.5", comment="stays")
    put = records.create(name="put", content="127.0.0.5", comment="goes")
    done = records.batch(
        posts=[{"type": "A", "name": "moving", "content": "127.0.0.9", "ttl": 60}],
        puts=[{"id": put.id, "type": "A", "name": "put", "content": "127.0.0.6", "ttl": 60}],
        patches=[{"id": patched.id, "content": "127.0.0.6"}],
        deletes=[{"id": alias.id}],
    )
    assert [one.id for one in done.deletes] == [alias.id]
    assert [(one.content, one.comment) for one in done.patches] == [("127.0.0.6", "stays")]
    assert [(one.content, one.comment) for one in done.puts] == [("127.0.0.6", None)]
    assert [one.name for one in done.posts] == ["moving.cloud.test"]
    served = local_internet.zone("cloud.test").records()
    assert served["moving", "A"] == {"127.0.0.9"}
    assert ("moving", "CNAME") not in served


def test_a_batch_happens_as_a_whole(records: Records, local_internet: LocalInternet) -> None:
    """When its last change is refused, none is made."""
    kept = records.create(name="kept", content="127.0.0.5")
    zone = local_internet.zone("cloud.test")
    before = zone.records()
    denied = refusal(
        records.batch,
        deletes=[{"id": kept.id}],
        posts=[
            {"type": "A", "name": "good", "content": "127.0.0.5", "ttl": 60},
            {"type": "A", "name": "bad", "content": "nonsense", "ttl": 60},
        ],
    )
    assert denied.code == 9005
    assert list(records.list()) == [kept]
    assert zone.records() == before


def test_a_zone_holds_200_records(stand_in: Cloudflare, records: Records) -> None:
    """One more is over the quota of the Free plan."""
    records.batch(
        posts=[
            {"type": "TXT", "name": "full", "content": f'"{number}"', "ttl": 60}
            for number in range(200)
        ]
    )
    assert refusal(records.create, name="more", content="127.0.0.5") == (
        400,
        81045,
        "Record quota exceeded.",
    )
    assert len(stand_in.records("cloud.test")) == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(
    stand_in: Cloudflare, http: httpx.Client, body: bytes
) -> None:
    """Whatever it is instead."""
    path = f"/zones/{stand_in.zone_id('cloud.test')}/dns_records"
    token = {"Authorization": f"Bearer {stand_in.default_token}"}
    reply = http.post(path, headers=token, content=body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == [{"code": 9207, "message": "Request body is invalid."}]


def test_many_clients_at_once_lose_nothing(records: Records, local_internet: LocalInternet) -> None:
    """Values of one name that come side by side are all kept and all served."""
    values = {f"value{number}" for number in range(16)}
    with ThreadPoolExecutor(8) as pool:
        for value in values:
            pool.submit(records.create, type="TXT", name="busy", content=f'"{value}"')
    assert {one.content for one in records.list()} == {f'"{value}"' for value in values}
    assert local_internet.zone("cloud.test").records()["busy", "TXT"] == values
