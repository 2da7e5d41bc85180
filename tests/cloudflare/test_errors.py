"""What goes wrong at Cloudflare, and what is said of it."""

import datetime as dt
import json
import traceback
from collections.abc import Mapping
from typing import Any

import pytest
from picdns_cloudflare.errors import unavailable

from picdns_core import (
    AuthenticationFailed,
    ForeignName,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from picdns_core.testing import Answer, Cut, Zone
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import DOMAIN, ZONE, CellAtCloudflare, MakeCell, challenge, without_soa

SERVED = "What is served stays so."
LONG_AGO = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def refusals(cell: CellAtCloudflare) -> list[PicdnsError]:
    """Ask for everything; return what each call raised."""
    raised = []
    for call in (
        cell.register,
        lambda: cell.update_ip(ipv4="127.0.0.5"),
        lambda: cell.publisher().publish(challenge("value")),
        lambda: cell.publisher().withdraw(challenge("value")),
        cell.teardown,
    ):
        with pytest.raises(PicdnsError) as error:
            call()
        raised.append(error.value)
    return raised


@pytest.mark.parametrize("token", ["abc", "with space and more than forty characters", "été" * 20])
def test_malformed_token(make_cell: MakeCell, stand_in: Cloudflare, token: str) -> None:
    """Whether we see it or Cloudflare does."""
    for error in refusals(make_cell(token=token)):
        assert type(error) is AuthenticationFailed
        assert error.message.startswith("The Cloudflare API token is malformed. ")
        assert SERVED in error.message
        assert "Global API Key" in error.hint


@pytest.mark.parametrize("code", [6003, 6111])
def test_malformed_token_by_either_code(
    home: CellAtCloudflare, stand_in: Cloudflare, code: int
) -> None:
    """One may come without the other."""
    message = "Invalid format for Authorization header"
    body = json.dumps({"success": False, "errors": [{"code": code, "message": message}]})
    stand_in.on(".*", "", Answer(400, body=body))
    for error in refusals(home):
        assert type(error) is AuthenticationFailed
        assert error.message.startswith("The Cloudflare API token is malformed. ")


@pytest.mark.parametrize("code", [81057, 81058])
def test_identical_record_is_no_failure(
    home: CellAtCloudflare, stand_in: Cloudflare, code: int
) -> None:
    """By either of the codes that say so, in creating as in changing."""
    body = json.dumps({"success": False, "errors": [{"code": code, "message": "Identical."}]})
    stand_in.add_record(ZONE, "A", DOMAIN, "127.0.0.4")
    stand_in.on("POST|PATCH", "dns_records", Answer(400, body=body))
    home.publisher().publish(challenge("value"))
    home.update_ip(ipv4="127.0.0.5")
    assert {one.method for one in stand_in.requests} == {"GET", "POST", "PATCH"}


def test_malformed_token_in_cloudflares_words(make_cell: MakeCell) -> None:
    """They follow ours, with their codes."""
    with pytest.raises(AuthenticationFailed) as refused:
        make_cell(token="abc").register()
    assert refused.value.message == (
        f"The Cloudflare API token is malformed. {SERVED} Cloudflare says: Invalid request "
        "headers (6003); Invalid format for Authorization header (6111)."
    )


@pytest.mark.parametrize(
    ("how", "status"),
    [(None, "unknown"), ({"expires": LONG_AGO}, "expired"), ({"disabled": True}, "disabled")],
)
def test_token_that_is_not_accepted(
    make_cell: MakeCell, stand_in: Cloudflare, how: Mapping[str, Any] | None, status: str
) -> None:
    """Unknown, expired and disabled are told apart by what Cloudflare says of the token."""
    token = "x" * 40 if how is None else stand_in.token(**how)
    for error in refusals(make_cell(token=token)):
        assert type(error) is AuthenticationFailed
        assert error.message.startswith(
            f"Cloudflare does not accept the API token: it is {status}. {SERVED} Cloudflare says: "
        )
        assert "picdns init --secret token=@FILE" in error.hint


def test_token_that_lacks_the_permission_to_edit(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """It is named, and where to add it."""
    token = stand_in.token(permissions=["zone read"])
    for error in refusals(make_cell(token=token)):
        assert type(error) is AuthenticationFailed
        assert error.message == (
            f"The Cloudflare API token lacks the permission Zone.DNS: Edit for this zone. {SERVED} "
            "Cloudflare says: Authentication error (10000)."
        )
        assert error.hint == (
            "At Cloudflare, open My Profile > API Tokens > the token > Edit: add the permission "
            "Zone.DNS: Edit, and include the zone under Zone Resources."
        )


def test_token_of_an_account_may_lack_a_permission_too(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """Cloudflare does not say which of both; the hint names the other."""
    token = stand_in.token(permissions=["zone read"], account_owned=True)
    with pytest.raises(AuthenticationFailed) as refused:
        make_cell(token=token).register()
    assert refused.value.hint.endswith("it may lack the permission Zone.DNS: Edit instead.")


def test_token_of_an_account_works(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """That its verification is elsewhere is no matter."""
    token = stand_in.token(account_owned=True)
    assert make_cell(token=token).register().notes["zone"] == ZONE


def test_token_that_is_limited_to_other_addresses(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """With the address that Cloudflare saw."""
    token = stand_in.token(addresses=["203.0.113.0/24"])
    for error in refusals(make_cell(token=token)):
        assert type(error) is AuthenticationFailed
        assert error.message == (
            f"The Cloudflare API token may not be used from this address. {SERVED} Cloudflare "
            "says: Cannot use the access token from location: 127.0.0.1 (9109)."
        )
        assert "Client IP Address Filtering" in error.hint


def test_service_answers_401(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """With the code that its reference gives for bad credentials."""
    body = json.dumps({"success": False, "errors": [{"code": 10001, "message": "Unauthorized"}]})
    stand_in.on(".*", "dns_records|zones|verify", Answer(401, body=body))
    for error in refusals(home):
        assert type(error) is AuthenticationFailed
        assert error.message.endswith("Cloudflare says: Unauthorized (10001).")


def test_service_answers_409(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """A refusal nobody foresaw is handed on in Cloudflare's words."""
    body = json.dumps({"success": False, "errors": [{"code": 12345, "message": "A conflict."}]})
    stand_in.on(".*", "dns_records", Answer(409, body=body))
    for error in refusals(home):
        assert type(error) is ProviderError
        assert error.message == (
            f"Cloudflare refuses what it was asked for. {SERVED} Cloudflare says: "
            "A conflict (12345)."
        )


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Ratelimit": '"default";r=0;t=30, "burst";r=0;t=5'}, 30.0),
        ({}, 300.0),
    ],
)
def test_rate_limit(
    home: CellAtCloudflare, stand_in: Cloudflare, headers: Mapping[str, str], wait: float
) -> None:
    """The header decides, or the five minutes that Cloudflare's reference names."""
    stand_in.on(".*", "", Answer(429, headers, body="Too many"))
    for error in refusals(home):
        assert isinstance(error, RateLimited)
        assert error.retry_after == wait
        assert error.message == (
            f"Cloudflare asks to wait {wait:.0f} seconds before the next request. {SERVED}"
        )
        assert error.hint.endswith("Try again later.")


def test_rate_limit_by_its_code(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """Whatever the status is that comes with it."""
    message = "Please wait and consider throttling your request speed"
    body = json.dumps({"success": False, "errors": [{"code": 971, "message": message}]})
    stand_in.on(".*", "", Answer(400, {"Retry-After": "17"}, body))
    for error in refusals(home):
        assert type(error) is RateLimited
        assert error.retry_after == 17.0


def test_rate_limit_of_the_account(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """As the service itself gives it."""
    stand_in.quota.requests = 4
    home.register()
    with pytest.raises(RateLimited) as limited:
        home.update_ip(ipv4="127.0.0.5")
    assert limited.value.retry_after
    assert limited.value.retry_after <= stand_in.quota.window


HTML = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Answer(500, body=HTML), "it answers HTTP 500"),
        (Answer(503), "it answers HTTP 503"),
        (Answer(200, body=HTML), "HTTP 200 with something else than its JSON"),
        (Answer(403, body=HTML), "HTTP 403 with something else than its JSON"),
        (Answer(302, {"Location": "http://login.example/"}), "HTTP 302 with something else"),
        (Answer(200), "HTTP 200 with something else than its JSON"),
        (Answer(200, body='{"success": true, "result": 7}'), "its JSON is not what it documents"),
        (Cut(), "no answer (ConnectionError)"),
        (Cut("body"), "no answer (ChunkedEncodingError)"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:32],
)
def test_outage(
    home: CellAtCloudflare, stand_in: Cloudflare, fault: Answer | Cut, why: str
) -> None:
    """Down, cut off, or something else that answers: never the token's fault."""
    home.publisher().publish(challenge("value"))
    stand_in.on("GET|POST", "", fault)
    for error in refusals(home):
        assert type(error) is ProviderUnavailable
        assert error.retryable
        assert error.message.startswith(f"The Cloudflare API does not work just now: {why}")
        assert error.message.endswith(SERVED)
        assert "Try again later." in error.hint


def test_page_that_forbids_may_be_a_firewalls(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """Cloudflare's API forbids in JSON; a page is of something before it."""
    stand_in.on(".*", "", Answer(403, body=HTML))
    for error in refusals(home):
        assert type(error) is ProviderUnavailable
        assert error.hint.startswith(
            "A proxy or firewall, this network's or Cloudflare's, may block this server. "
        )


def test_host_that_is_not_cloudflares_is_named(make_cell: MakeCell) -> None:
    """Nobody listens on the port; an `api_url` may be left over from something else."""
    for error in refusals(make_cell(api_url="https://127.0.0.1:1/client/v4")):
        assert type(error) is ProviderUnavailable
        assert error.hint == (
            "Try again later. If it lasts, see whether 127.0.0.1:1, which was asked, is right; "
            "leave ddns.api_url out to ask Cloudflare itself."
        )


def test_status_page_is_cloudflares_own() -> None:
    """It tells of Cloudflare's API and of no other host."""
    error = unavailable("it answers HTTP 500", "api.cloudflare.com")
    assert error.hint == (
        "Try again later. If it lasts, see www.cloudflarestatus.com and what stands between this "
        "server and the internet."
    )


def test_zone_id_that_no_zone_has(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """Cloudflare does not tell it from a zone of somebody else."""
    with pytest.raises(AuthenticationFailed, match="for this zone") as refused:
        make_cell(zone_id="0" * 32).register()
    assert "include the zone under Zone Resources" in refused.value.hint


def test_refused_route(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """What Cloudflare says of an id that cannot be one."""
    message = "Could not route to /zones/x, perhaps your object identifier is invalid?"
    body = json.dumps({"success": False, "errors": [{"code": 7003, "message": message}]})
    stand_in.on(".*", "dns_records", Answer(404, body=body))
    with pytest.raises(ForeignName, match=r"^Cloudflare has no zone with this id") as refused:
        home.update_ip(ipv4="127.0.0.5")
    assert refused.value.hint.startswith("See at Cloudflare whether the zone is there.")


def test_refusals_change_nothing(make_cell: MakeCell, stand_in: Cloudflare, zone: Zone) -> None:
    """The zone is as it was."""
    before = without_soa(zone.records())
    refusals(make_cell(token=stand_in.token(permissions=["zone read"])))
    assert without_soa(zone.records()) == before


def test_token_is_in_no_error(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """Nor in what led to it, whatever the service says back."""
    token = "q" * 40
    body = json.dumps({"success": False, "errors": [{"code": 1, "message": f"Not {token}"}]})
    stand_in.on(".*", "", Answer(400, body=body))
    for error in refusals(make_cell(token=token)):
        assert token not in "".join(traceback.format_exception(error)) + error.hint
        assert "Not ***" in error.message
