"""DNS-01 in orders: where values go, what removes them, and what is said when that fails."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from picdns_core import Busy, PicdnsError
from picdns_core.testing import (
    Answer,
    Cut,
    FaultProxy,
    Hold,
    LocalInternet,
    Reply,
    Request,
    Rewrite,
    Zone,
)
from picdns_core.testing.services.cloudflare import Cloudflare
from tests.accounts import Account
from tests.conftest import Cell, MakeCell


@pytest.fixture
def cell(make_cell: MakeCell) -> Cell:
    return make_cell("cloudflare", caddy=False)


@pytest.fixture
def account(cell: Cell) -> Account:
    assert cell.account
    return cell.account


@pytest.fixture
def label(account: Account) -> str:
    """The challenge's name, relative to the zone."""
    return f"_acme-challenge.{account.domain.removesuffix('.home.test')}"


@pytest.fixture
def faulty(local_internet: LocalInternet, cell: Cell) -> Iterator[FaultProxy]:
    """A proxy before the CA, through which the cell asks it."""
    assert cell.pebble
    with local_internet.fault_proxy(cell.pebble.directory) as proxy:
        directory = proxy.proxied(cell.pebble.directory)
        bundle = str(local_internet.authority.bundle)
        cell.set(picdns={"acme": {"directory": directory, "ca_bundle": bundle}})
        yield proxy


def values(zone: Zone, name: str) -> frozenset[str]:
    return zone.records().get((name, "TXT"), frozenset())


@pytest.fixture
def left(cell: Cell, account: Account, label: str) -> frozenset[str]:
    """The values that stay in DNS because Cloudflare is down when they are to be removed."""
    cell.runner.up()
    account.service.on("DELETE", "", Answer(500))
    assert cell.runner.renew(account.domain, force=True).failed == ()
    account.service.faults.clear()
    return values(account.zone, label)


def test_a_value_that_cannot_be_removed_costs_no_certificate(
    cell: Cell, account: Account, label: str, left: frozenset[str]
) -> None:
    """It is said, stays in the journal, and the next `up` removes it without asking the CA."""
    assert len(left) == 2
    assert [step.name for step in cell.steps if "not removed yet" in step.text] == [account.domain]
    cell.forget_asked()
    assert cell.runner.up().failed == ()
    assert values(account.zone, label) == set()
    assert (cell.leftovers(), cell.asked()) == ([], Counter())


def test_what_was_left_is_removed_in_whatever_mode_the_cell_is(
    cell: Cell, account: Account, label: str, left: frozenset[str]
) -> None:
    """Through the mode that published it, with its registration and its secrets."""
    cell.set(domain_mode="lan", domain_name="home.cell")
    assert cell.runner.up().failed == ()
    assert values(account.zone, label) == set()
    assert (len(left), cell.leftovers()) == (2, [])


def test_what_was_left_is_named_when_nobody_can_remove_it(
    cell: Cell, account: Account, label: str, left: frozenset[str]
) -> None:
    """With the claim went the right to it; the values are said, ready to be removed by hand."""
    [journal] = cell.base.glob("journal/txt-*")
    journal.write_text(json.dumps(json.loads(journal.read_text()) | {"claim": None}))
    cell.set(domain_mode="lan", domain_name="home.cell")
    assert cell.runner.up().failed == ()
    said = [step.text for step in cell.steps if "was lost" in step.text]
    assert said
    assert all(f"{value} at {label}.home.test" in text for text in said for value in left)


def test_what_is_left_is_in_the_status_until_it_is_gone(
    cell: Cell, account: Account, label: str, left: frozenset[str]
) -> None:
    """A certificate was had, so nothing else would tell."""
    error = cell.runner.refresh().last_error
    assert error
    assert f"still in DNS, at {label}.home.test" in error.message
    cell.runner.up()
    assert cell.runner.refresh().last_error is None


def test_what_the_credentials_can_no_longer_write_is_named_until_it_is_gone(
    cell: Cell, account: Account, label: str, left: frozenset[str], local_internet: LocalInternet
) -> None:
    """A token for other zones neither loses sight of it nor stands in the way of the rest."""
    local_internet.zone("other.test")
    with local_internet.cloudflare("other.test") as other:
        ddns = {"api_url": other.api_url, "token": other.default_token}
        cell.set(domain_name="home.other.test", ddns=ddns)
        claims = cell.base / "registrations"
        journal = next(cell.base.glob("journal/txt-*"))
        journal.write_text(journal.read_text().replace(str(account.ddns["api_url"]), other.api_url))
        (claims / "cloudflare.json").unlink()
        assert cell.runner.up().failed == ()
        [said] = [step.text for step in cell.steps if "not removed yet" in step.text][-1:]
        assert all(f"{value} at {label}.home.test" in said for value in left)
        account.zone.delete(label, "TXT")
        assert cell.runner.up().failed == ()
        assert cell.leftovers() == []


def test_a_changed_domain_gives_the_former_name_back(cell: Cell, account: Account) -> None:
    """Once the new one is registered; with what was left there, and nothing of others."""
    before = account.zone.records().keys()
    cell.runner.up()
    cell.set(domain_name=f"new-{account.domain}")
    assert cell.runner.up().failed == ()
    assert [step.name for step in cell.steps if "former name" in step.text] == [account.domain]
    assert cell.runner.up().issued == ()
    assert cell.runner.teardown() is True
    assert account.zone.records().keys() == before


def test_teardown_waits_for_no_order_and_breaks_none(cell: Cell, account: Account) -> None:
    """While a certificate is being had the name is needed; the message says what holds it."""
    hold = Hold()
    account.service.on("POST", "dns_records", hold, nth=2)  # the first is the rehearsal's
    worker = threading.Thread(target=cell.runner.up)
    worker.start()
    assert hold.arrived.wait(10)
    with pytest.raises(Busy, match="renewing"):
        cell.runner.teardown()
    hold.released.set()
    worker.join(30)
    assert cell.runner.teardown() is True


def test_a_registration_that_was_cut_short_can_be_torn_down(cell: Cell, account: Account) -> None:
    """Whatever the service did of it is undone, though it never said so."""
    before = account.zone.records()
    account.service.on("DELETE", "", Cut())
    with pytest.raises(PicdnsError):
        cell.runner.up()
    account.service.faults.clear()
    assert not cell.runner.refresh().registered
    assert cell.runner.teardown() is True
    assert cell.runner.teardown() is False
    after = account.zone.records()
    assert {key for key in after if key[1] == "TXT"} == {key for key in before if key[1] == "TXT"}


def test_an_order_that_was_left_open_is_checked_against_caa_again(
    cell: Cell, account: Account, faulty: FaultProxy
) -> None:
    """The domain may belong to another CA by now, and this one would count a failure."""
    rule = faulty.on("POST", "/authZ/", Answer(500))
    assert cell.runner.up().failed
    faulty.faults.remove(rule)
    account.zone.set(account.domain.removesuffix(".home.test"), "CAA", '0 issue "other-ca.test"')
    cell.forget_asked()
    [problem] = cell.runner.up().failed
    assert (problem.error, cell.asked()["/chalZ/"]) == ("OrderRefused", 0)


def test_teardown_removes_what_was_left_first(
    cell: Cell, account: Account, label: str, left: frozenset[str]
) -> None:
    """While Cloudflare is down it fails, and the claim is kept for the next time."""
    account.service.on(".*", "", Cut())
    with pytest.raises(PicdnsError, match="Cloudflare"):
        cell.runner.teardown()
    assert values(account.zone, label) == left
    account.service.faults.clear()
    assert cell.runner.teardown() is True
    assert values(account.zone, label) == set()
    assert cell.leftovers() == []


def test_values_of_others_at_the_same_name_stay(cell: Cell, account: Account, label: str) -> None:
    """Those of a second client of the domain, which is at it at the same time."""
    assert isinstance(account.service, Cloudflare)
    account.service.add_record("home.test", "TXT", f"{label}.home.test", '"theirs"')
    assert cell.runner.up().failed == ()
    assert values(account.zone, label) == {"theirs"}


def test_nothing_is_left_of_an_order_that_fails(
    cell: Cell, account: Account, label: str, faulty: FaultProxy
) -> None:
    """The CA finds another value than ours; the hint is about TXT and not about port 80."""

    def invalid(_: Request, reply: Reply) -> Reply:
        body = json.loads(reply.body)
        if body["status"] == "valid":
            body["status"] = "invalid"
            error = {"type": "urn:ietf:params:acme:error:unauthorized", "detail": "Incorrect TXT"}
            for challenge in body["challenges"]:
                challenge |= {"status": "invalid", "error": error}
        return replace(reply, body=json.dumps(body).encode()).with_headers({"Content-Length": None})

    faulty.on("POST", "/authZ/", Rewrite(invalid))
    [problem] = cell.runner.up().failed
    assert problem.message.startswith(f"The CA could not verify {account.domain}: Incorrect TXT")
    assert "other TXT values than ours" in problem.hint
    assert values(account.zone, label) == set()


def test_a_cname_leads_to_where_the_value_goes(
    cell: Cell, account: Account, label: str, local_internet: LocalInternet
) -> None:
    """Into another zone of the same account; the CA follows it as well."""
    service = local_internet.cloudflare("home.test", "proofs.test")
    ddns = {"api_url": service.api_url, "token": service.default_token}
    cell.set(ddns=ddns)
    target = f"{account.domain.partition('.')[0]}.proofs.test"
    account.zone.set(label, "CNAME", f"{target}.")
    assert cell.runner.up().failed == ()
    assert [one.name for one in cell.steps if "Publishing" in one.text] == [target, target]
    assert values(local_internet.zone("proofs.test"), target.partition(".")[0]) == set()
    service.close()


def test_a_cname_into_a_foreign_zone_is_said(
    cell: Cell, account: Account, label: str, local_internet: LocalInternet
) -> None:
    """It says where the CNAME leads, and the CA was not asked to look."""
    local_internet.zone("foreign.test")
    account.zone.set(label, "CNAME", "proofs.foreign.test.")
    [problem] = cell.runner.up().failed
    assert problem.error == "ForeignName"
    assert f"A CNAME leads from {label}.home.test to proofs.foreign.test" in problem.message
    assert cell.asked()["/chalZ/"] == 0
    assert [path for path in cell.leftovers() if "txt" in path] == []


def test_a_wildcard_cname_does_not_take_the_proof_away(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """It answers for the challenge's name too, but only until the value is there."""
    local_internet.zone("foreign.test")
    service = local_internet.cloudflare("wild.test")
    zone = local_internet.zone("wild.test")
    zone.delete("*", "A")
    zone.set("*", "CNAME", "elsewhere.foreign.test.")
    cell = make_cell("cloudflare", caddy=False)
    ddns = {"api_url": service.api_url, "token": service.default_token}
    cell.set(domain_name="home.wild.test", ddns=ddns)
    assert cell.runner.up().failed == ()
    assert values(zone, "_acme-challenge.home") == set()
    service.close()


def test_caa_that_forbids_the_ca_stops_the_order(cell: Cell, account: Account) -> None:
    """Before it is sent: the CA would refuse, and count it."""
    account.zone.set(account.domain.removesuffix(".home.test"), "CAA", '0 issue "other-ca.test"')
    [problem] = cell.runner.up().failed
    assert problem.error == "OrderRefused"
    assert 'CAA 0 issue "other-ca.test"' in problem.message
    assert (cell.asked()["/order-plz"], problem.hint.count("pebble.letsencrypt.org")) == (0, 1)


def test_a_registration_that_was_refused_leaves_no_claim(cell: Cell, account: Account) -> None:
    """There is nothing to give back, and no wrong token stands in the way of saying so."""
    cell.set(ddns=account.ddns | {"token": "x" * 40})
    with pytest.raises(PicdnsError):
        cell.runner.up()
    assert cell.runner.teardown() is False
