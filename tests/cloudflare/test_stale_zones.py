"""Zones that were removed at Cloudflare: one came back with another id, another did not."""

import json
from collections.abc import Callable

import pytest

from picdns_core import AuthenticationFailed, ForeignName, Registration
from picdns_core.testing import Answer
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import DOMAIN, MARK, OTHER_ZONE, ZONE, CellAtCloudflare, MakeCell, asked, challenge

FORMER_ID = "0" * 32
REGISTERED = Registration(domain=DOMAIN, notes={"zone_id": FORMER_ID, "zone": ZONE})


@pytest.fixture(params=[None, 1001, 7003, 9109], ids=lambda code: f"code {code or 10000}")
def stale(
    make_cell: MakeCell, stand_in: Cloudflare, request: pytest.FixtureRequest
) -> CellAtCloudflare:
    """A cell whose registration has the former id, and each way to say that nobody has it."""
    if code := request.param:
        status = 403 if code == 9109 else 404
        message = "Unauthorized to access requested resource" if code == 9109 else "No such zone"
        body = json.dumps({"success": False, "errors": [{"code": code, "message": message}]})
        stand_in.on(".*", FORMER_ID, Answer(status, body=body))
    return make_cell(registration=REGISTERED)


def publish(cell: CellAtCloudflare) -> None:
    cell.publisher().publish(challenge("value"))


def withdraw(cell: CellAtCloudflare) -> None:
    cell.publisher().withdraw(challenge("value"))


def update_ip(cell: CellAtCloudflare) -> None:
    cell.update_ip(ipv4="127.0.0.5")


def teardown(cell: CellAtCloudflare) -> None:
    cell.teardown()


CALLS = pytest.mark.parametrize("call", [publish, withdraw, update_ip, teardown])
Call = Callable[[CellAtCloudflare], None]


def test_zone_with_a_new_id_is_found_by_its_name(
    stale: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """All that a cell does goes on there."""
    assert stale.update_ip(ipv4="127.0.0.5").changed
    publish(stale)
    assert {one["type"] for one in stand_in.records(ZONE)} == {"A", "TXT"}
    withdraw(stale)
    assert {one["type"] for one in stand_in.records(ZONE)} == {"A"}
    assert stale.teardown() is True
    assert stand_in.records(ZONE) == []


def test_new_id_is_looked_up_once(stale: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """By one publisher, for all its values."""
    publisher = stale.publisher()
    publisher.publish(challenge("one"))
    publisher.publish(challenge("two"))
    publisher.withdraw(challenge("one"))
    lookups = [one for one in asked(stand_in) if one.startswith("GET /zones?")]
    assert lookups == [f"GET /zones?name={DOMAIN}", f"GET /zones?name={ZONE}"]


def test_value_is_withdrawn_though_the_id_has_changed_since(
    home: CellAtCloudflare, stand_in: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written under the former id is sought in the zone as it is now."""
    publisher = home.publisher()
    publisher.publish(challenge("value"))
    monkeypatch.setattr(stand_in._account.hosted[ZONE], "id", "1" * 32)
    publisher.withdraw(challenge("value"))
    assert stand_in.records(ZONE) == []


@CALLS
def test_zone_that_is_gone_is_no_matter_of_a_permission(
    make_cell: MakeCell, stand_in: Cloudflare, call: Call
) -> None:
    """Nor of a setting that was never set."""
    cell = make_cell(registration=REGISTERED, token=stand_in.token(zones=[OTHER_ZONE]))
    with pytest.raises(ForeignName) as refused:
        call(cell)
    assert "permission" not in str(refused.value)
    assert "zone_id" not in str(refused.value)


def test_teardown_says_what_to_remove_by_hand(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """By its mark, with the place and the names."""
    cell = make_cell(token=stand_in.token(zones=[OTHER_ZONE]))
    with pytest.raises(ForeignName) as refused:
        cell.teardown()
    assert refused.value.message == (
        f"The Cloudflare API token does not see the zone {ZONE} any more, so what this cell has "
        "there was not removed. What is served stays so."
    )
    assert refused.value.hint == (
        f"If the zone is still there: include it in the token and try again, or open {ZONE} > DNS "
        f"> Records at Cloudflare and delete what has the comment `{MARK}` at *.{DOMAIN}, "
        f"_acme-challenge.{DOMAIN}, _picdns-canary.{DOMAIN}, {DOMAIN}."
    )


@CALLS
def test_id_of_the_settings_is_not_replaced(
    make_cell: MakeCell, stand_in: Cloudflare, call: Call
) -> None:
    """Somebody set it; a refusal is said."""
    cell = make_cell(registration=REGISTERED, zone_id=FORMER_ID)
    with pytest.raises(AuthenticationFailed, match="for this zone"):
        call(cell)
    assert not any(one.startswith("GET /zones?") for one in asked(stand_in))


def test_permission_that_lacks_is_still_named(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """The zone has the id that it had."""
    cell = make_cell(token=stand_in.token(permissions=["zone read"]))
    with pytest.raises(AuthenticationFailed, match=r"lacks the permission Zone\.DNS: Edit"):
        cell.update_ip(ipv4="127.0.0.5")
