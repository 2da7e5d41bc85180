"""What a token may do, and how Cloudflare says no."""

import datetime as dt
from typing import Any

import cloudflare
import httpx
import pytest

from picdns_core.testing.services.cloudflare import Cloudflare
from tests.testing.cloudflare_standin.conftest import Client, Refusal, refusal

_PAST = dt.datetime(2024, 3, 9, 23, 59, 59, tzinfo=dt.UTC)
_UNKNOWN = "Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY"


def test_a_token_is_verified(stand_in: Cloudflare, client: Client) -> None:
    """A new token looks like a real one, and is active."""
    assert len(stand_in.default_token) == 40
    verified = client().user.tokens.verify()
    assert verified
    assert verified.status == "active"
    assert verified.expires_on is None


def test_a_disabled_and_an_expired_token_are_told_apart(
    stand_in: Cloudflare, client: Client
) -> None:
    """Verification says which; everything else refuses both as invalid."""
    disabled = client(stand_in.token(disabled=True))
    expired = client(stand_in.token(expires=_PAST))
    statuses = [one.user.tokens.verify() for one in (disabled, expired)]
    assert [status and status.status for status in statuses] == ["disabled", "expired"]
    assert statuses[1]
    assert statuses[1].expires_on == _PAST
    for one in (disabled, expired):
        assert refusal(one.zones.list) == (403, 9109, "Invalid access token")
        denied = refusal(one.dns.records.list, zone_id=stand_in.zone_id("cloud.test"))
        assert denied == (403, 10000, "Authentication error")


def test_a_token_of_the_account_is_verified_at_the_account(
    stand_in: Cloudflare, client: Client
) -> None:
    """Tokens of users and of accounts are unknown to each other's endpoints."""
    owned = client(stand_in.token(account_owned=True))
    verified = owned.accounts.tokens.verify(account_id=stand_in.account_id)
    assert verified
    assert verified.status == "active"
    invalid = Refusal(401, 1000, "Invalid API Token")
    assert refusal(owned.user.tokens.verify) == invalid
    verify = client().accounts.tokens.verify
    assert refusal(verify, account_id=stand_in.account_id) == invalid
    assert refusal(verify, account_id="0" * 32).code == 9109


def test_an_unknown_token_has_a_code_for_each_endpoint(
    stand_in: Cloudflare, client: Client
) -> None:
    """The parts of the API say the same with different words."""
    unknown = client(_UNKNOWN)
    zone = stand_in.zone_id("cloud.test")
    assert refusal(unknown.user.tokens.verify) == (401, 1000, "Invalid API Token")
    assert refusal(unknown.zones.list) == (403, 9109, "Invalid access token")
    assert refusal(unknown.zones.get, zone_id=zone) == (403, 9109, "Invalid access token")
    assert refusal(unknown.dns.records.list, zone_id=zone) == (403, 10000, "Authentication error")


@pytest.mark.parametrize("token", ["144c9defac04969c7bfad8efaa8ea194aaaaa", f'"{_UNKNOWN}"'])
def test_a_malformed_token_is_a_bad_header(client: Client, token: str) -> None:
    """A global API key, and a token in quotation marks, have the wrong form."""
    with pytest.raises(cloudflare.BadRequestError) as caught:
        client(token).zones.list()
    chain = [{"code": 6111, "message": "Invalid format for Authorization header"}]
    assert caught.value.response.json()["errors"] == [
        {"code": 6003, "message": "Invalid request headers", "error_chain": chain}
    ]


def test_a_request_without_token_is_refused(http: httpx.Client) -> None:
    """The message names the headers that are missing."""
    reply = http.get("/zones")
    message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers"
    assert reply.status_code == 400
    assert reply.json()["errors"] == [{"code": 9106, "message": message}]


def test_a_token_works_from_its_addresses_only(stand_in: Cloudflare, client: Client) -> None:
    """From elsewhere each request is refused, with the address that Cloudflare saw."""
    near = client(stand_in.token(addresses=["127.0.0.0/8"]))
    assert [zone.name for zone in near.zones.list(name="cloud.test")] == ["cloud.test"]
    far = client(stand_in.token(addresses=["203.0.113.0/24", "2001:db8::/32"]))
    denied = Refusal(403, 9109, "Cannot use the access token from location: 127.0.0.1")
    assert refusal(far.zones.list) == denied
    assert refusal(far.user.tokens.verify) == denied


def test_a_token_that_cannot_read_zones_can_still_edit_records(
    stand_in: Cloudflare, client: Client
) -> None:
    """Such a token needs to be told the zone's id."""
    editor = client(stand_in.token(permissions=["dns edit"]))
    zone = stand_in.zone_id("cloud.test")
    denied = refusal(editor.zones.list, name="cloud.test")
    assert denied[:2] == (403, 0)
    assert "requires permission 'com.cloudflare.api.account.zone.list'" in denied.message
    assert refusal(editor.zones.get, zone_id=zone).code == 9109
    editor.dns.records.create(
        zone_id=zone, type="TXT", name="editor.cloud.test", content='"x"', ttl=60
    )
    assert len(stand_in.records("cloud.test")) == 1


def test_a_token_sees_its_zones_only(stand_in: Cloudflare, client: Client) -> None:
    """Zones of others are not listed, and the same as not there."""
    limited = client(stand_in.token(zones=["sub.cloud.test"]))
    assert [zone.name for zone in limited.zones.list()] == ["sub.cloud.test"]
    assert list(limited.zones.list(name="cloud.test")) == []
    foreign = stand_in.zone_id("cloud.test")
    denied = Refusal(403, 9109, "Unauthorized to access requested resource")
    assert refusal(limited.zones.get, zone_id=foreign) == denied
    assert refusal(limited.zones.get, zone_id="0" * 32) == denied
    assert refusal(limited.dns.records.list, zone_id=foreign).code == 10000


def test_a_token_that_reads_records_cannot_write_them(stand_in: Cloudflare, client: Client) -> None:
    """Each way of writing is refused, and nothing is written."""
    record = stand_in.add_record("cloud.test", "A", "reader", "127.0.0.5")
    before = stand_in.records("cloud.test")
    records = client(stand_in.token(permissions=["zone read", "dns read"])).dns.records
    zone = stand_in.zone_id("cloud.test")
    assert [one.id for one in records.list(zone_id=zone)] == [record]
    address: dict[str, Any] = {
        "zone_id": zone,
        "type": "A",
        "name": "n",
        "content": "127.0.0.6",
        "ttl": 60,
    }
    denied = Refusal(403, 10000, "Authentication error")
    assert refusal(records.create, **address) == denied
    assert refusal(records.edit, record, **address) == denied
    assert refusal(records.update, record, **address) == denied
    assert refusal(records.delete, record, zone_id=zone) == denied
    assert refusal(records.batch, zone_id=zone, deletes=[{"id": record}]) == denied
    assert stand_in.records("cloud.test") == before


def test_a_token_has_a_quota(stand_in: Cloudflare, http: httpx.Client) -> None:
    """The headers count down; then all is refused until the window has passed."""
    stand_in.quota.requests = 2
    own = {"Authorization": f"Bearer {stand_in.default_token}"}
    replies = [http.get("/zones", headers=own) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["Ratelimit"] for reply in replies] == [
        '"default";r=1;t=300',
        '"default";r=0;t=300',
        '"default";r=0;t=300',
    ]
    assert replies[0].headers["Ratelimit-Policy"] == '"default";q=2;w=300'
    assert [reply.headers.get("Retry-After") for reply in replies] == [None, None, "300"]
    message = "Please wait and consider throttling your request speed"
    assert replies[2].json()["errors"] == [{"code": 971, "message": message}]
    other = {"Authorization": f"Bearer {stand_in.token()}"}
    assert http.get("/zones", headers=other).status_code == 200
    stand_in.quota.window = 0
    assert http.get("/zones", headers=own).status_code == 200
