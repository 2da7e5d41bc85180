"""Orders against a Pebble that misbehaves, itself or through a proxy."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from picdns_core import Problem
from picdns_core.testing import (
    Answer,
    Cut,
    Delay,
    FaultProxy,
    Hold,
    LocalInternet,
    Pebble,
    Reply,
    Rewrite,
)
from tests.conftest import Cell, MakeCell

NAME = "files.home.test"


@pytest.fixture
def faulty(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """A proxy before the CA; rules are added by the test."""
    proxy = local_internet.fault_proxy(local_internet.pebble.directory)
    yield proxy
    proxy.close()


def through(cell: Cell, proxy: FaultProxy) -> Cell:
    """Let the cell ask its CA through the proxy."""
    assert cell.pebble
    acme = {
        "directory": proxy.proxied(cell.pebble.directory),
        "ca_bundle": str(cell.net.authority.bundle),
    }
    cell.set(picdns={"acme": acme})
    return cell


def only_problem(cell: Cell) -> Problem:
    """Run `up`; return the one thing that failed, which is also the last error."""
    report = cell.runner.up()
    assert len(report.failed) == 1
    last = cell.runner.refresh().last_error
    assert last is not None
    assert last.message == report.failed[0].message
    return report.failed[0]


@pytest.fixture(scope="module")
def picky(local_internet: LocalInternet) -> Pebble:
    """A CA that refuses one good nonce in five."""
    return local_internet.new_pebble(nonce_reject=20)


def test_rejected_nonces_are_no_failure(make_cell: MakeCell, picky: Pebble) -> None:
    """A good nonce that the CA calls bad is replaced until it is taken."""
    cell = make_cell(services=[f"s{number}" for number in range(6)], pebble=picky)
    assert cell.runner.up().failed == ()


def test_late_answers_are_waited_for(make_cell: MakeCell, faulty: FaultProxy) -> None:
    """Slow is not broken."""
    faulty.on("POST", "/chalZ/", Delay(0.5))
    faulty.on("POST", "/finalize-order/", Delay(0.5))
    cell = through(make_cell(), faulty)
    assert cell.runner.up().failed == ()


def test_retry_after_of_the_ca_wins_over_our_own_pace(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """A CA that asks for a second before the first poll is given it."""
    wait = {"Retry-After": "1"}
    faulty.on("POST", "/chalZ/", Rewrite(lambda _, reply: reply.with_headers(wait)))
    cell = through(make_cell(), faulty)
    began = time.monotonic()
    assert cell.runner.up().failed == ()
    assert time.monotonic() - began > 1
    assert cell.asked()["/authZ/"] == 2


def test_refused_challenge_says_why_and_leaves_the_old_certificate(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """The CA's own reason is passed on; what is served stays so, and the next `up` succeeds."""
    cell = make_cell()
    cell.runner.up()
    serial = cell.certificate(NAME).serial
    hold = Hold()
    rule = faulty.on("POST", "/chalZ/", hold)
    through(cell, faulty)
    spoiler = threading.Thread(target=_spoil_answers, args=(cell, hold))
    spoiler.start()
    problem = only_problem(cell)
    spoiler.join()
    assert problem.error == "ChallengeFailed"
    assert NAME in problem.message
    assert "check its A and AAAA records" in problem.hint
    assert cell.certificate(NAME).served == serial
    assert not list(cell.base.glob("webroot/*"))
    faulty.faults.remove(rule)
    assert cell.runner.up().failed == ()
    assert cell.certificate(NAME).serial != serial
    assert cell.leftovers() == []
    assert cell.runner.refresh().last_error is None


def _spoil_answers(cell: Cell, hold: Hold) -> None:
    """Let the CA find something else than what was put there for it."""
    assert hold.arrived.wait(10)
    for answer in cell.base.glob("webroot/*"):
        answer.write_text("something else")
    hold.released.set()


def test_name_without_an_address_is_told_from_the_others(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """One name that fails stops none of the others."""
    local_internet.zone("home.test").set("nowhere", "TXT", "no address here")
    cell = make_cell(services=("files", "nowhere", "photos"))
    report = cell.runner.up()
    assert [one.names for one in report.failed] == [("nowhere.home.test",)]
    assert "check that DNS names" in report.failed[0].hint
    assert cell.get("photos.home.test").status == 200
    assert cell.runner.refresh().missing == ("nowhere.home.test",)


def test_rate_limit_says_how_long_to_wait(make_cell: MakeCell, faulty: FaultProxy) -> None:
    """429 with Retry-After is told, and not tried again at once."""
    body = json.dumps({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"})
    headers = {"Retry-After": "3600", "Content-Type": "application/problem+json"}
    faulty.on("POST", "/order-plz", Answer(429, headers, body))
    problem = only_problem(through(make_cell(), faulty))
    assert problem.error == "RateLimited"
    assert "3600 s" in problem.message
    assert len([one for one in faulty.requests if one.target == "/order-plz"]) == 1


@pytest.mark.parametrize("target", ["/dir", "/sign-me-up", "/order-plz", "/chalZ/", "/certZ/"])
@pytest.mark.parametrize("fault", [Answer(503), Cut("request"), Answer(200, {}, "<html>")])
def test_ca_that_is_down_is_said_and_the_next_up_completes(
    make_cell: MakeCell, faulty: FaultProxy, target: str, fault: Answer | Cut
) -> None:
    """Whatever request it happens to; nothing half-written is left."""
    faulty.on(".*", target, fault)
    cell = through(make_cell(caddy=False), faulty)
    problem = only_problem(cell)
    assert problem.error == "ProviderUnavailable"
    assert "What is served stays so." in problem.message
    faulty.faults.clear()
    assert cell.runner.up().failed == ()
    assert cell.asked()["/order-plz"] == 1
    assert cell.leftovers() == []


@pytest.mark.parametrize("target", ["/sign-me-up", "/order-plz", "/chalZ/", "/finalize", "/certZ/"])
def test_lost_answer_costs_no_second_certificate(
    make_cell: MakeCell, faulty: FaultProxy, target: str
) -> None:
    """The CA did what was asked and nobody heard of it: the same order is gone on with."""
    faulty.on("POST", target, Cut("reply"), first=1)
    cell = through(make_cell(caddy=False), faulty)
    cell.runner.up()
    assert cell.runner.up().failed == ()
    assert cell.asked()["/order-plz"] == (2 if target == "/order-plz" else 1)
    assert cell.asked()["/certZ/"] == (2 if target == "/certZ/" else 1)
    assert cell.leftovers() == []


def test_ca_that_forgot_the_account_is_given_it_again(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """The same key, a new account, and no trouble for the caller."""
    pebble = local_internet.new_pebble()
    cell = make_cell(pebble=pebble)
    runner = cell.runner
    runner.up()
    key = next(cell.base.glob("accounts/*/privkey.pem")).read_bytes()
    pebble.restart()
    assert runner.renew(NAME, force=True).failed == ()
    assert cell.runner.renew(NAME, force=True).failed == ()
    assert next(cell.base.glob("accounts/*/privkey.pem")).read_bytes() == key


def test_lost_account_url_is_found_again(make_cell: MakeCell) -> None:
    """The CA knows the key: no second account is made."""
    cell = make_cell(caddy=False)
    cell.runner.up()
    document = next(cell.base.glob("accounts/*/account.json"))
    before = json.loads(document.read_text())
    document.unlink()
    assert cell.runner.renew(NAME, force=True).failed == ()
    assert json.loads(document.read_text()) == before


def test_certificate_of_somebody_else_is_not_put_to_use(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """A CA, or what is between, that hands out another chain is found out."""
    other = make_cell(services=("other",), caddy=False)
    other.runner.up()
    chain = next(other.base.glob("certs/other.home.test/*/fullchain.pem")).read_bytes()
    cell = make_cell()
    cell.runner.up()
    serial = cell.certificate(NAME).serial
    faulty.on("POST", "/certZ/", Rewrite(lambda _, reply: _with_body(reply, chain)))
    problem = only_problem(through(cell, faulty))
    assert problem.error == "CertificateRejected"
    assert "another key" in problem.message
    assert cell.certificate(NAME).served == serial


def _with_body(reply: Reply, body: bytes | str) -> Reply:
    return dataclasses.replace(reply, body=body.encode() if isinstance(body, str) else body)


def test_external_account_is_asked_for_and_its_key_leaves_the_config(
    make_cell: MakeCell, local_internet: LocalInternet, tmp_path: Path
) -> None:
    """Without it one error that names the setting; with it, it works, and the key is hidden."""
    hmac_key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    pebble = local_internet.new_pebble(eab_keys={"kid-1": hmac_key})
    cell = make_cell(caddy=False, pebble=pebble)
    problem = only_problem(cell)
    assert problem.message.startswith("picdns.acme.eab: ")
    cell.set(picdns={"acme": {"eab": {"kid": "kid-1", "hmac_key": hmac_key}}})
    assert cell.runner.up().failed == ()
    assert hmac_key not in cell.config_file.read_text()
    kept = cell.base / "secrets/acme/eab_hmac_key"
    assert kept.read_text() == hmac_key
    assert kept.stat().st_mode & 0o777 == 0o600


def test_profile_is_asked_for(make_cell: MakeCell, local_internet: LocalInternet) -> None:
    """A short-lived profile gives six days, renewed at half of them."""
    six_days = 6 * 86400
    profiles = {"default": 90 * 86400, "shortlived": six_days}
    cell = make_cell(caddy=False, pebble=local_internet.new_pebble(profiles=profiles))
    cell.set(picdns={"acme": {"profile": "shortlived"}})
    cell.runner.up()
    found = cell.certificate(NAME)
    lifetime = found.not_after - found.not_before
    assert abs(lifetime.total_seconds() - six_days) < 60
    assert found.renew_at == found.not_before + lifetime / 2


def test_unknown_profile_names_those_that_there_are(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """One error with the key, before anything is ordered."""
    profiles = {"default": 90 * 86400, "shortlived": 6 * 86400}
    cell = make_cell(caddy=False, pebble=local_internet.new_pebble(profiles=profiles))
    cell.set(picdns={"acme": {"profile": "longlived"}})
    problem = only_problem(cell)
    assert problem.message.startswith("picdns.acme.profile: ")
    assert problem.hint == "This CA offers: default, shortlived."
    assert cell.asked()["/order-plz"] == 0


def test_profile_of_a_ca_that_has_none_is_a_setting_to_remove(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """Before anything is ordered."""

    def without(_: object, reply: Reply) -> Reply:
        directory = json.loads(reply.body)
        del directory["meta"]["profiles"]
        return _with_body(reply.with_headers({"Content-Length": None}), json.dumps(directory))

    faulty.on("GET", "/dir", Rewrite(without))
    cell = through(make_cell(caddy=False), faulty)
    cell.set(picdns={"acme": {"profile": "shortlived"}})
    problem = only_problem(cell)
    assert problem.message.startswith("picdns.acme.profile: ")
    assert "remove the setting" in problem.hint
    assert cell.asked()["/order-plz"] == 0


def test_stop_ends_an_order_that_waits_and_the_next_runner_resumes_it(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """`stop()` from another thread; no second order."""
    pending = json.dumps({"type": "urn:ietf:params:acme:error:orderNotReady", "status": 403})
    headers = {"Content-Type": "application/problem+json", "Retry-After": "30"}
    rule = faulty.on("POST", "/finalize-order/", Answer(403, headers, pending))
    cell = through(make_cell(caddy=False), faulty)
    runner = cell.runner
    threading.Timer(1.0, runner.stop).start()
    began = time.monotonic()
    problem = runner.up().failed[0]
    assert problem.error == "Cancelled"
    assert time.monotonic() - began < 10
    faulty.faults.remove(rule)
    assert cell.runner.up().failed == ()
    assert cell.asked()["/order-plz"] == 1


def test_two_runners_at_once_order_once(make_cell: MakeCell, faulty: FaultProxy) -> None:
    """The second is told that the first is at it, and what it does."""
    hold = Hold()
    faulty.on("POST", "/order-plz", hold)
    cell = through(make_cell(caddy=False), faulty)
    first = threading.Thread(target=cell.runner.up)
    first.start()
    assert hold.arrived.wait(10)
    problem = cell.runner.up().failed[0]
    hold.released.set()
    first.join()
    assert problem.error == "Busy"
    assert f"renewing {NAME} (process " in problem.message
    assert cell.asked()["/order-plz"] == 1


def test_private_ca_that_is_not_verified_names_the_setting(make_cell: MakeCell) -> None:
    """The CA's own HTTPS is checked."""
    cell = make_cell(caddy=False)
    cell.set(picdns={"acme": {"ca_bundle": None}})
    assert "picdns.acme.ca_bundle" in only_problem(cell).hint


def test_missing_ca_bundle_names_the_setting(make_cell: MakeCell) -> None:
    """Before anything is asked."""
    cell = make_cell(caddy=False)
    cell.set(picdns={"acme": {"ca_bundle": "/nowhere.pem"}})
    assert only_problem(cell).message.startswith("picdns.acme.ca_bundle: ")


def test_keys_of_every_type_are_taken(make_cell: MakeCell) -> None:
    """What the setting allows, the CA issues for."""
    cell = make_cell(caddy=False)
    cell.runner.up()  # ec256
    for key_type in ("ec384", "rsa2048", "rsa3072"):
        cell.set(picdns={"acme": {"key_type": key_type}})
        assert cell.runner.renew(NAME, force=True).failed == ()


def test_order_whose_certificate_was_rejected_is_not_resumed(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """To fetch it again would bring the same: the next `up` orders anew, with a new key."""
    other = make_cell(services=("other",), caddy=False)
    other.runner.up()
    chain = next(other.base.glob("certs/other.home.test/*/fullchain.pem")).read_bytes()
    rule = faulty.on("POST", "/certZ/", Rewrite(lambda _, reply: _with_body(reply, chain)))
    cell = through(make_cell(caddy=False), faulty)
    assert only_problem(cell).error == "CertificateRejected"
    assert not list(cell.base.glob(f"certs/{NAME}/*"))
    faulty.faults.remove(rule)
    assert cell.runner.up().failed == ()
    assert cell.asked()["/order-plz"] == 2


def test_corrected_key_of_the_external_account_is_seen_by_a_running_host(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """Wrong at first, then right, in one process; each wrong one names the setting."""
    hmac_key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    cell = make_cell(caddy=False, pebble=local_internet.new_pebble(eab_keys={"kid-1": hmac_key}))
    runner = cell.runner
    for wrong in (hmac_key[::-1], "é"):
        cell.set(picdns={"acme": {"eab": {"kid": "kid-1", "hmac_key": wrong}}})
        problem = runner.up().failed[0]
        assert "picdns.acme.eab" in f"{problem.message} {problem.hint}"
    cell.set(picdns={"acme": {"eab": {"kid": "kid-1", "hmac_key": hmac_key}}})
    assert runner.up().failed == ()


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/dir", "[]"),
        ("/dir", '"x"'),
        ("/dir", "[" * 100_000),
        ("/authZ/", "[]"),
        ("/authZ/", "{}"),
        ("/authZ/", "null"),
    ],
)
def test_json_of_another_form_is_the_ca_s_fault_and_not_the_mode_s(
    make_cell: MakeCell, faulty: FaultProxy, target: str, body: str
) -> None:
    """The message names the CA."""
    headers = {"Content-Type": "application/json"}
    nonce = Rewrite(lambda _, reply: dataclasses.replace(reply, body=body.encode()))
    faulty.on(".*", target, Answer(200, headers, body) if target == "/dir" else nonce)
    problem = only_problem(through(make_cell(caddy=False), faulty))
    assert (problem.error, problem.message[:10]) == ("ProviderUnavailable", "The CA at ")


def test_status_without_a_problem_document_is_understood(
    make_cell: MakeCell, faulty: FaultProxy
) -> None:
    """As a proxy before the CA answers."""
    faulty.on("POST", "/order-plz", Answer(429, {"Retry-After": "120"}, "<html>"))
    problem = only_problem(through(make_cell(caddy=False), faulty))
    assert problem.error == "RateLimited"
    assert "120 s" in problem.message


def test_damaged_account_key_is_said_with_its_file(make_cell: MakeCell) -> None:
    """And how to get on."""
    cell = make_cell(caddy=False)
    cell.runner.up()
    key = next(cell.base.glob("accounts/*/privkey.pem"))
    key.write_bytes(b"")
    problem = cell.runner.renew(NAME, force=True).failed[0]
    assert problem.error == "StoreError"
    assert key.name in problem.message
    assert "move it away" in problem.hint
