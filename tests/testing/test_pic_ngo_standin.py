"""The stand-in for ddns.pic.ngo, asked by plain requests and pyotp."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pyotp
import pytest
import requests

from picdns_core.testing import LocalInternet, Zone
from picdns_core.testing.faults import Cut
from picdns_core.testing.process import wait_until
from picdns_core.testing.services.pic_ngo import PicNgo

ONE, TWO = (letter * 43 for letter in "AB")
PATCH = {"Content-Type": "application/merge-patch+json"}


class Caller:
    """Speaks the protocol, as docs/ddns-protocol.md says it, and checks what each answer has."""

    def __init__(self, service: PicNgo, ca_bundle: str) -> None:
        self.service = service
        self.token = ""
        self._session = requests.Session()
        self._session.verify = ca_bundle
        self._session.trust_env = False

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request, with the token when there is one; the server's time is in the answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        answer = self._session.request(
            method, f"{self.service.url}/v1{path}", headers=headers, timeout=10, **options
        )
        told = datetime.fromisoformat(answer.json()["time"])
        assert parsedate_to_datetime(answer.headers["Date"]) == told.replace(microsecond=0)
        return answer

    def code(self, *, ahead: int = 0) -> str:
        """Make the code of the step that is so many after the service's own."""
        moment = time.time() + self.service.clock_offset
        return pyotp.TOTP(self.service.totp_secret).at(int(moment), counter_offset=ahead)

    def register(self, name: str, *, key: str = "", code: str = "") -> requests.Response:
        """Register, and take the token."""
        answer = self.ask(
            "POST",
            "/registrations",
            json={"name": name, "totp": code or self.code()},
            headers={"Idempotency-Key": f'"{key or secrets.token_urlsafe(32)}"'},
        )
        self.token = answer.json().get("token", self.token)
        return answer

    def publish(self, name: str, **addresses: str | None) -> requests.Response:
        return self.ask("PATCH", f"/registrations/{name}/addresses", json=addresses, headers=PATCH)

    def close(self) -> None:
        self._session.close()


def problem(answer: requests.Response) -> tuple[int, str]:
    """Return status and name of a problem, which is said as RFC 9457 wants it."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "status", "detail"} <= body.keys()
    return answer.status_code, body["type"].removeprefix("https://ddns.pic.ngo/problems/")


@pytest.fixture
def zone(local_internet: LocalInternet) -> Zone:
    """The zone that the service writes to."""
    return local_internet.zone("pic.ngo")


@pytest.fixture
def service(local_internet: LocalInternet, zone: Zone) -> Iterator[PicNgo]:
    """A service that knows nobody, and at the end has left nothing in the zone."""
    before = zone.records()
    with PicNgo(zone, local_internet.authority.issue("ddns.pic.ngo", "127.0.0.1")) as service:
        service.also_global = ["127.0.0.0/8", "203.0.113.0/24"]
        yield service
    for owner, rdtype in zone.records().keys() - before.keys():
        zone.delete(owner, rdtype)


@pytest.fixture
def caller(service: PicNgo, local_internet: LocalInternet) -> Iterator[Callable[[], Caller]]:
    """Make callers, each with a token of its own."""
    made = []

    def make() -> Caller:
        made.append(Caller(service, str(local_internet.authority.bundle)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def cell(caller: Callable[[], Caller]) -> Caller:
    """A cell that is not registered."""
    return caller()


@pytest.fixture
def home(cell: Caller) -> Caller:
    """A cell that has the name `home`."""
    assert cell.register("home").status_code == 201
    return cell


def of_home(zone: Zone) -> dict[tuple[str, str], frozenset[str]]:
    """What the zone has for `home`."""
    return {key: values for key, values in zone.records().items() if key[0].endswith("home")}


class TestNames:
    """Which names there are, and who has them."""

    def test_free_name_is_available_until_it_is_registered(self, cell: Caller) -> None:
        """Nobody needs a token to ask."""
        before = cell.ask("GET", "/names/home").json()
        assert (before["available"], before["reason"]) == (True, None)
        cell.register("home")
        cell.token = ""
        after = cell.ask("GET", "/names/home").json()
        assert (after["available"], after["reason"]) == (False, "taken")

    @pytest.mark.parametrize("name", ["www", "ns1", "ns42", "ddns", "api"])
    def test_reserved_name_is_refused(self, cell: Caller, name: str) -> None:
        """It is told before, and at the registration."""
        assert cell.ask("GET", f"/names/{name}").json()["reason"] == "reserved"
        refused = cell.register(name)
        assert problem(refused) == (422, "name-reserved")
        assert refused.json()["name"] == name

    @pytest.mark.parametrize(
        "name", ["ab", "a" * 64, "Home", "-home", "home-", "ho.me", "ho_me", "ab--cd", "xn--0"]
    )
    def test_name_against_the_rules_is_refused(self, cell: Caller, name: str) -> None:
        """The problem says which field it is."""
        assert problem(cell.ask("GET", f"/names/{name}")) == (400, "request-invalid")
        refused = cell.register(name)
        assert problem(refused) == (400, "request-invalid")
        assert [(one["in"], one["name"]) for one in refused.json()["errors"]] == [("body", "name")]

    @pytest.mark.parametrize("name", ["abc", "a" * 63, "xn--kse-qla"])
    def test_shortest_longest_and_international_names_are_given_out(
        self, cell: Caller, name: str
    ) -> None:
        """The bounds are part of what is allowed."""
        assert cell.register(name).json()["domain"] == f"{name}.pic.ngo"

    def test_taken_name_is_refused(self, home: Caller, caller: Callable[[], Caller]) -> None:
        """Another code and another key make no difference."""
        refused = caller().register("home", code=home.code(ahead=1))
        assert problem(refused) == (409, "name-taken")


class TestCodes:
    """A code proves that a cell may register."""

    @pytest.mark.parametrize("ahead", [-1, 0, 1])
    def test_code_of_a_neighbouring_step_is_accepted(self, cell: Caller, ahead: int) -> None:
        """Clocks differ a little."""
        cell.service.clock_offset = 15 - time.time() % 30  # in the middle of a step
        assert cell.register("home", code=cell.code(ahead=ahead)).status_code == 201

    @pytest.mark.parametrize("ahead", [-2, 2])
    def test_code_from_further_away_is_rejected_with_the_time(
        self, cell: Caller, ahead: int
    ) -> None:
        """The time in the answer tells by how much the cell's clock is wrong."""
        cell.service.clock_offset = 3600 + 15 - time.time() % 30
        refused = cell.register("home", code=cell.code(ahead=ahead))
        assert problem(refused) == (401, "totp-rejected")
        told = datetime.fromisoformat(refused.json()["time"])
        assert 3500 < (told - datetime.now(UTC)).total_seconds() < 3700
        assert "TOTP" in refused.headers["WWW-Authenticate"]

    def test_code_is_used_once_for_a_name(self, cell: Caller) -> None:
        """Also when the name has become free; the next code is accepted."""
        code = cell.code()
        cell.register("home", code=code)
        cell.ask("DELETE", "/registrations/home")
        refused = cell.register("home", code=code)
        assert problem(refused) == (401, "totp-used")
        assert 1 <= refused.json()["retry_after"] <= 30
        cell.service.clock_offset += refused.json()["retry_after"]
        assert cell.register("home").status_code == 201

    def test_code_of_one_name_serves_another(
        self, home: Caller, caller: Callable[[], Caller]
    ) -> None:
        """Cells that share a secret may come in the same half minute."""
        assert caller().register("cabin", code=home.code()).status_code == 201

    def test_code_is_not_spent_on_a_name_that_is_not_given_out(self, cell: Caller) -> None:
        """The admin tries the next name at once."""
        code = cell.code()
        assert problem(cell.register("www", code=code)) == (422, "name-reserved")
        assert cell.register("home", code=code).status_code == 201


class TestIdempotencyKeys:
    """A registration whose answer was lost is repeated."""

    @pytest.mark.parametrize("ahead", [0, 1])
    def test_repeat_gets_the_same_token(self, cell: Caller, ahead: int) -> None:
        """With the code it had, or a newer one."""
        cell.service.on("POST", "/registrations", Cut("reply"), first=1)
        key, code = secrets.token_urlsafe(32), cell.code()
        with pytest.raises(requests.ConnectionError):
            cell.register("home", key=key, code=code)
        repeated = cell.register("home", key=key, code=cell.code(ahead=ahead) if ahead else code)
        again = cell.register("home", key=key)
        assert (repeated.status_code, again.status_code) == (201, 201)
        assert repeated.json()["token"] == again.json()["token"]
        assert repeated.json()["registered_at"] == again.json()["registered_at"]
        assert cell.ask("GET", "/registrations/home").status_code == 200

    def test_repeat_needs_a_code(self, home: Caller, caller: Callable[[], Caller]) -> None:
        """A key alone opens nothing."""
        key = secrets.token_urlsafe(32)
        other = caller()
        other.register("cabin", key=key)
        assert problem(other.register("cabin", key=key, code=home.code(ahead=9))) == (
            401,
            "totp-rejected",
        )

    def test_key_of_another_name_is_refused(self, cell: Caller) -> None:
        """Nothing is registered by it."""
        key = secrets.token_urlsafe(32)
        cell.register("home", key=key)
        assert problem(cell.register("cabin", key=key)) == (422, "idempotency-key-reused")
        assert cell.ask("GET", "/names/cabin").json()["available"] is True

    def test_key_of_a_registration_that_was_given_up_is_refused(self, cell: Caller) -> None:
        """A request that was late claims nothing."""
        key = secrets.token_urlsafe(32)
        cell.register("home", key=key)
        cell.ask("DELETE", "/registrations/home")
        assert problem(cell.register("home", key=key)) == (422, "idempotency-key-reused")

    @pytest.mark.parametrize(
        "header", [None, "A" * 32, '"tooshort"', f'"{"A" * 65}"', '"AAAA AAA"']
    )
    def test_key_must_be_a_long_string(self, cell: Caller, header: str | None) -> None:
        """It is quoted, as the draft's examples are."""
        refused = cell.ask(
            "POST",
            "/registrations",
            json={"name": "home", "totp": cell.code()},
            headers={"Idempotency-Key": header} if header else {},
        )
        assert problem(refused) == (400, "request-invalid")
        assert refused.json()["errors"][0]["name"] == "Idempotency-Key"

    def test_two_at_once_get_one_registration(self, caller: Callable[[], Caller]) -> None:
        """The same key gets the same token, and of different keys one wins."""
        key = secrets.token_urlsafe(32)
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(caller().register, "home", key=key) for _ in range(4)]
            assert len({call.result().json()["token"] for call in calls}) == 1
            calls = [pool.submit(caller().register, "cabin") for _ in range(4)]
            statuses = [call.result().status_code for call in calls]
        assert statuses.count(201) == 1
        assert set(statuses) <= {201, 401, 409}


class TestTokens:
    """A token opens its own name."""

    CALLS = (
        ("GET", "/registrations/home"),
        ("PATCH", "/registrations/home/addresses"),
        ("PUT", f"/registrations/home/challenges/{ONE}"),
        ("DELETE", f"/registrations/home/challenges/{ONE}"),
        ("DELETE", "/registrations/home"),
    )

    @pytest.mark.parametrize(("method", "path"), CALLS)
    @pytest.mark.parametrize("token", ["", "A" * 43])
    def test_no_token_and_an_unknown_one_are_rejected(
        self, cell: Caller, method: str, path: str, token: str
    ) -> None:
        """Without a token no error code is given (RFC 6750, section 3.1)."""
        cell.token = token
        refused = cell.ask(method, path)
        assert problem(refused) == (401, "token-rejected")
        assert ("invalid_token" in refused.headers["WWW-Authenticate"]) == bool(token)

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_other_names_are_refused(
        self,
        home: Caller,
        caller: Callable[[], Caller],
        zone: Zone,
        method: str,
        path: str,
    ) -> None:
        """Nothing of the other cell is changed or told."""
        home.publish("home", ipv4="203.0.113.7")
        home.ask("PUT", f"/registrations/home/challenges/{ONE}")
        before = of_home(zone)
        other = caller()
        other.register("cabin")
        refused = other.ask(method, path, json={"ipv4": "203.0.113.9"}, headers=PATCH)
        assert problem(refused) == (403, "name-not-yours")
        assert refused.json()["token_name"] == "cabin"
        assert of_home(zone) == before
        assert problem(other.ask(method, path.replace("home", "nobody"))) == (403, "name-not-yours")

    def test_token_is_not_stored(self, home: Caller) -> None:
        """What the service keeps is the SHA-256 of it."""
        kept = home.service._registry
        assert len(home.token) == 43
        assert home.token not in repr([vars(kept), kept._registrations])

    def test_no_token_is_known_after_the_database_is_lost(self, home: Caller, zone: Zone) -> None:
        """A name is registered anew, with what DNS had before removed."""
        home.publish("home", ipv4="203.0.113.7")
        old = home.token
        home.service.forget()
        assert problem(home.ask("GET", "/registrations/home")) == (401, "token-rejected")
        assert of_home(zone) != {}
        assert home.register("home").status_code == 201
        assert home.token != old
        assert of_home(zone) == {}

    def test_names_can_stay_taken_when_the_database_is_lost(self, home: Caller) -> None:
        """As when an operator brings back names and no tokens."""
        home.service.forget(names=False)
        assert problem(home.register("home")) == (409, "name-taken")
        home.service.forget()
        assert home.register("home").status_code == 201


class TestAddresses:
    """A and AAAA records of the name and of everything below it."""

    def test_addresses_are_published_at_the_name_and_the_wildcard(
        self, home: Caller, zone: Zone
    ) -> None:
        """IPv6 in its short form."""
        said = home.publish("home", ipv4="203.0.113.7", ipv6="2606:4700:0::0001").json()
        assert (said["ipv4"], said["ipv6"]) == ("203.0.113.7", "2606:4700::1")
        assert said["changed"] is True
        assert of_home(zone) == {
            ("home", "A"): {"203.0.113.7"},
            ("*.home", "A"): {"203.0.113.7"},
            ("home", "AAAA"): {"2606:4700::1"},
            ("*.home", "AAAA"): {"2606:4700::1"},
        }

    def test_absent_is_left_alone_and_null_is_removed(self, home: Caller, zone: Zone) -> None:
        """As RFC 7396 says."""
        home.publish("home", ipv4="203.0.113.7", ipv6="2606:4700::1")
        said = home.publish("home", ipv4="203.0.113.8").json()
        assert (said["ipv4"], said["ipv6"], said["changed"]) == (
            "203.0.113.8",
            "2606:4700::1",
            True,
        )
        said = home.publish("home", ipv6=None).json()
        assert (said["ipv4"], said["ipv6"], said["changed"]) == ("203.0.113.8", None, True)
        assert {rdtype for _, rdtype in of_home(zone)} == {"A"}

    def test_second_time_changes_nothing(self, home: Caller, zone: Zone) -> None:
        """Not even the zone's serial; that the cell was heard of is noted."""
        home.publish("home", ipv4="203.0.113.7")
        serial = zone.serial
        first = home.ask("GET", "/registrations/home").json()["addresses_at"]
        home.service.clock_offset += 300
        assert home.publish("home", ipv4="203.0.113.7").json()["changed"] is False
        assert home.publish("home").json()["changed"] is False
        assert zone.serial == serial
        assert home.ask("GET", "/registrations/home").json()["addresses_at"] > first

    @pytest.mark.parametrize(
        "address",
        [
            *("10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "192.0.0.9", "192.88.99.1"),
            *("192.168.1.7", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "0.0.0.0"),
            *("::1", "::", "::ffff:808:808", "64:ff9b::808:808", "2001:db8::1", "2001::1"),
            *("2002:808:808::1", "3fff::1", "fc00::1", "fe80::1", "ff0e::1", "4000::1"),
        ],
    )
    def test_address_that_is_not_global_is_refused(
        self, home: Caller, zone: Zone, address: str
    ) -> None:
        """Neither address of the request is published then."""
        home.service.also_global = []
        field, good = (
            ("ipv6", {"ipv4": "8.8.8.8"}) if ":" in address else ("ipv4", {"ipv6": "2606:4700::1"})
        )
        refused = home.publish("home", **good, **{field: address})
        assert problem(refused) == (422, "address-refused")
        assert (refused.json()["field"], refused.json()["address"]) == (field, address)
        assert of_home(zone) == {}

    @pytest.mark.parametrize(
        "body",
        [
            *(
                '{"ipv4": ""}',
                '{"ipv4": "2606:4700::1"}',
                '{"ipv4": "8.8.8"}',
                '{"ipv4": "08.8.8.8"}',
            ),
            *('{"ipv6": "2606:4700::1%eth0"}', '{"ipv4": 134744072}', '{"ip4": "8.8.8.8"}'),
            *("[]", '"8.8.8.8"', "{", "", "[" * 4000, '{"ipv4": "\\ud800"}'),
        ],
    )
    def test_malformed_body_is_refused(self, home: Caller, body: str) -> None:
        """An unknown field too, so that a mistyped one is not lost."""
        refused = home.ask("PATCH", "/registrations/home/addresses", data=body, headers=PATCH)
        assert problem(refused) == (400, "request-invalid")

    def test_networks_of_a_test_can_be_admitted(self, home: Caller, zone: Zone) -> None:
        """Loopback, where there is no public address."""
        assert home.publish("home", ipv4="127.0.0.9").status_code == 200
        assert of_home(zone)["home", "A"] == {"127.0.0.9"}


class TestChallenges:
    """TXT values at `_acme-challenge`, several at once."""

    def test_values_stand_side_by_side(self, home: Caller, zone: Zone) -> None:
        """Publishing and withdrawing twice changes nothing, and no other value."""
        path = "/registrations/home/challenges"
        changed = [
            home.ask(method, f"{path}/{value}").json()["changed"]
            for method, value in (("PUT", ONE), ("PUT", TWO), ("PUT", ONE))
        ]
        assert changed == [True, True, False]
        assert of_home(zone) == {("_acme-challenge.home", "TXT"): {ONE, TWO}}
        assert home.ask("DELETE", f"{path}/{ONE}").json()["challenges"] == [TWO]
        assert of_home(zone) == {("_acme-challenge.home", "TXT"): {TWO}}
        assert home.ask("DELETE", f"{path}/{ONE}").json()["changed"] is False
        assert home.ask("DELETE", f"{path}/{TWO}").json()["challenges"] == []
        assert of_home(zone) == {}

    def test_ten_values_are_the_most(self, home: Caller) -> None:
        """One that is there already is no eleventh."""
        values = [f"{number:043}" for number in range(11)]
        answers = [home.ask("PUT", f"/registrations/home/challenges/{value}") for value in values]
        assert [answer.status_code for answer in answers] == [200] * 10 + [409]
        assert problem(answers[-1]) == (409, "too-many-challenges")
        assert answers[-1].json()["limit"] == 10
        assert home.ask("PUT", f"/registrations/home/challenges/{values[0]}").status_code == 200

    @pytest.mark.parametrize("value", ["A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+"])
    def test_anything_else_is_no_value(self, home: Caller, value: str) -> None:
        """The TXT record is for ACME only."""
        for method in ("PUT", "DELETE"):
            refused = home.ask(method, f"/registrations/home/challenges/{value}")
            assert problem(refused) == (400, "request-invalid")

    def test_values_published_at_once_are_all_there(
        self, home: Caller, caller: Callable[[], Caller], zone: Zone
    ) -> None:
        """Threads do not write over each other."""
        values = [f"{number:043}" for number in range(8)]

        def publish(value: str) -> None:
            one = caller()
            one.token = home.token
            one.ask("PUT", f"/registrations/home/challenges/{value}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(publish, values))
        assert of_home(zone) == {("_acme-challenge.home", "TXT"): set(values)}


class TestDeregistering:
    """Nothing is left."""

    def test_nothing_of_the_name_is_left(self, home: Caller, zone: Zone) -> None:
        """In the zone, and at the service."""
        home.publish("home", ipv4="203.0.113.7", ipv6="2606:4700::1")
        home.ask("PUT", f"/registrations/home/challenges/{ONE}")
        assert len(of_home(zone)) == 5
        assert home.ask("DELETE", "/registrations/home").json()["changed"] is True
        assert of_home(zone) == {}
        assert home.ask("GET", "/names/home").json()["available"] is True
        assert problem(home.ask("GET", "/registrations/home")) == (401, "token-rejected")

    def test_second_time_does_no_harm(
        self, home: Caller, caller: Callable[[], Caller], zone: Zone
    ) -> None:
        """Also when somebody else has the name by now."""
        home.ask("DELETE", "/registrations/home")
        assert home.ask("DELETE", "/registrations/home").json()["changed"] is False
        other = caller()
        home.service.forget_codes()
        other.register("home")
        other.publish("home", ipv4="203.0.113.9")
        assert home.ask("DELETE", "/registrations/home").json()["changed"] is False
        assert other.ask("GET", "/registrations/home").json()["ipv4"] == "203.0.113.9"
        assert of_home(zone)["home", "A"] == {"203.0.113.9"}

    def test_token_that_was_given_up_opens_nothing_else(self, home: Caller) -> None:
        """Only the name it had is answered for."""
        home.ask("DELETE", "/registrations/home")
        assert problem(home.ask("DELETE", "/registrations/cabin")) == (401, "token-rejected")
        assert problem(home.publish("home", ipv4="203.0.113.7")) == (401, "token-rejected")


def test_registration_is_read(home: Caller) -> None:
    """All that the service has of it, without the token."""
    fresh = home.ask("GET", "/registrations/home").json()
    fresh.pop("time")
    at = fresh.pop("registered_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    assert fresh == {
        "name": "home",
        "domain": "home.pic.ngo",
        "ipv4": None,
        "ipv6": None,
        "challenges": [],
        "addresses_at": None,
    }


def test_body_must_be_small_and_of_its_type(home: Caller) -> None:
    """Each with its own problem."""
    long = home.ask(
        "PATCH", "/registrations/home/addresses", data="{" + " " * 4096 + "}", headers=PATCH
    )
    assert problem(long) == (413, "request-too-large")
    other = home.ask("PATCH", "/registrations/home/addresses", json={"ipv4": None})
    assert problem(other) == (415, "media-type-unsupported")


def test_unknown_paths_and_methods_are_problems_too(home: Caller) -> None:
    """With the methods that there are."""
    assert problem(home.ask("GET", "/elsewhere")) == (404, "not-found")
    assert problem(home.ask("GET", "//names/home")) == (404, "not-found")
    refused = home.ask("PUT", "/registrations/home")
    assert problem(refused) == (405, "method-not-allowed")
    assert refused.headers["Allow"] == "DELETE, GET, HEAD"


def test_calls_of_a_minute_are_limited(home: Caller) -> None:
    """After Retry-After they are answered again."""
    home.service.calls_per_minute = 2
    answers = [home.ask("GET", "/registrations/home") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[-1]) == (429, "rate-limited")
    wait = answers[-1].json()["retry_after"]
    assert answers[-1].headers["Retry-After"] == str(wait)
    home.service.clock_offset += wait
    assert home.ask("GET", "/registrations/home").status_code == 200


def test_service_can_be_down(home: Caller, zone: Zone) -> None:
    """Nothing is changed then, and it says for how long."""
    home.service.outage = 7
    refused = home.publish("home", ipv4="203.0.113.7")
    assert problem(refused) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "7"
    home.service.outage = None
    assert of_home(zone) == {}
    assert home.publish("home", ipv4="203.0.113.7").status_code == 200


class TestPropagation:
    """DNS follows later than the answer."""

    def test_dns_follows_in_the_order_of_the_calls(self, home: Caller, zone: Zone) -> None:
        """The service itself knows the new state at once."""
        home.service.propagation = 0.5
        home.publish("home", ipv4="203.0.113.7")
        home.ask("PUT", f"/registrations/home/challenges/{ONE}")
        assert home.ask("GET", "/registrations/home").json()["ipv4"] == "203.0.113.7"
        assert of_home(zone) == {}
        assert wait_until(lambda: len(of_home(zone)) == 3, 10)

    def test_older_change_does_not_come_back(self, home: Caller, zone: Zone) -> None:
        """What was given up meanwhile stays away."""
        home.service.propagation = 0.3
        home.publish("home", ipv4="203.0.113.7")
        home.service.propagation = 0
        home.ask("DELETE", "/registrations/home")
        timers = home.service._publishing._timers
        assert len(timers) == 1
        timers[0].join(10)
        assert of_home(zone) == {}

    def test_closing_waits_for_no_change(self, home: Caller, zone: Zone) -> None:
        """A change that is due in an hour is dropped."""
        home.service.propagation = 3600
        home.publish("home", ipv4="203.0.113.7")
        [timer] = home.service._publishing._timers
        home.service.close()
        assert not timer.is_alive()
        assert of_home(zone) == {}
