"""A cell in each of the modes that prove its name in DNS: set up, served, renewed, gone again."""

from pathlib import Path

import pytest
from pyotp import random_base32

from picdns_core import Runner
from picdns_core.testing import Answer, Cut
from tests.accounts import ACCOUNTS, Account
from tests.conftest import Cell, MakeCell

every_mode = pytest.mark.parametrize("mode", ACCOUNTS)


def account_of(cell: Cell) -> Account:
    assert cell.account
    return cell.account


def txt_values(cell: Cell) -> dict[str, frozenset[str]]:
    """Find what is left of TXT records below the cell's domain."""
    zone = account_of(cell).zone
    label = account_of(cell).domain.removesuffix(f".{zone.name}")
    return {
        name: values
        for (name, rdtype), values in zone.records().items()
        if rdtype == "TXT" and values != {""} and f".{name}".endswith(f".{label}")
    }


@every_mode
def test_domain_and_everything_below_have_one_certificate(make_cell: MakeCell, mode: str) -> None:
    """Whichever name is asked for, it is served, and the zone holds no proof any more."""
    cell = make_cell(mode, services=("files", "photos"))
    domain = account_of(cell).domain
    report = cell.runner.up()
    assert (report.failed, txt_values(cell), cell.leftovers()) == ((), {}, [])
    certificate = cell.certificate(f"*.{domain}")
    assert certificate.names == (domain, f"*.{domain}")
    for name in (f"files.{domain}", f"photos.{domain}"):
        assert cell.get(name).serial == int(certificate.serial, 16)
    assert cell.get("files.cell").body == "hello"


@every_mode
def test_the_ca_is_asked_when_dns_shows_the_proof_and_not_before(
    make_cell: MakeCell, mode: str
) -> None:
    """A service that has confirmed a value may take its time to publish it."""
    cell = make_cell(mode, caddy=False)
    account_of(cell).service.propagation = 0.5
    assert cell.runner.up().failed == ()


@every_mode
def test_a_second_up_asks_nobody(make_cell: MakeCell, mode: str) -> None:
    """Neither the CA nor the service."""
    cell = make_cell(mode)
    runner = cell.runner
    runner.up()
    cell.forget_asked()
    asked = len(account_of(cell).service.requests)
    report = runner.up()
    assert (report.issued, report.failed, report.deployed) == ((), (), False)
    assert (cell.asked(), len(account_of(cell).service.requests)) == ({}, asked)


@every_mode
def test_forced_renewal_goes_through_the_same(make_cell: MakeCell, mode: str) -> None:
    """A new serial is served, and nothing is left in DNS."""
    cell = make_cell(mode)
    domain = account_of(cell).domain
    cell.runner.up()
    before = cell.certificate(domain).serial
    assert cell.runner.renew(domain, force=True).failed == ()
    after = cell.certificate(domain)
    assert (after.serial != before, after.served, txt_values(cell)) == (True, after.serial, {})


@every_mode
def test_after_teardown_the_zone_is_as_it_was(make_cell: MakeCell, mode: str) -> None:
    """A transfer of the zone before and after, SOA aside; a second teardown has nothing to do."""
    cell = make_cell(mode)
    before = without_soa(cell)
    cell.runner.up()
    assert cell.runner.teardown() is True
    assert without_soa(cell) == before
    assert cell.runner.teardown() is False


@every_mode
def test_an_account_that_is_refused_is_found_at_setup(make_cell: MakeCell, mode: str) -> None:
    """Before the CA is asked for anything, and the error says what to mend."""
    cell = make_cell(mode)
    wrong = {"cloudflare": "x" * 40, "duckdns": "0" * 36, "pic_ngo": random_base32()}
    secret = "totp_secret" if mode == "pic_ngo" else "token"
    cell.set(ddns=account_of(cell).ddns | {secret: wrong[mode]})
    with pytest.raises(Exception) as caught:
        cell.runner.up()
    assert type(caught.value).__name__ == "AuthenticationFailed"
    assert wrong[mode] not in str(caught.value)
    assert (cell.asked(), cell.leftovers()) == ({}, [])


@every_mode
def test_a_service_that_is_down_is_no_bad_token(make_cell: MakeCell, mode: str) -> None:
    """It is said as an outage, and the next `up` succeeds without anybody's help."""
    cell = make_cell(mode)
    service = account_of(cell).service
    service.on("GET", "", Cut())
    service.on("POST", "", Answer(502))
    with pytest.raises(Exception) as caught:
        cell.runner.up()
    assert type(caught.value).__name__ == "ProviderUnavailable"
    service.faults.clear()
    assert cell.runner.up().failed == ()


def without_soa(cell: Cell) -> dict[tuple[str, str], frozenset[str]]:
    records = account_of(cell).zone.records()
    return {key: values for key, values in records.items() if key[1] != "SOA"}


@every_mode
def test_secrets_are_in_files_of_their_own_and_nowhere_else(
    make_cell: MakeCell, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Moved out of the config; not in state, steps, logs or status; readable by us alone."""
    caplog.set_level("DEBUG")
    cell = make_cell(mode)
    runner = Runner(cell.root, progress=cell.steps.append)
    runner.up()
    token_file = cell.root / "data/api/.ddns_token"
    values = [
        account_of(cell).ddns[key]
        for key in ("token", "totp_secret")
        if key in account_of(cell).ddns
    ]
    if token_file.exists():
        values.append(token_file.read_text())
    said = caplog.text + repr(cell.steps) + repr(runner.status())
    holders = [path for path in cell.root.rglob("*") if path.is_file() and _holds(path, values)]
    assert [value for value in values if value in said] == []
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}
    expected = {cell.base / "secrets" / mode, token_file.parent}
    assert {path.parent for path in holders} <= expected


def _holds(path: Path, values: list[str]) -> bool:
    content = path.read_bytes()
    return any(value.encode() in content for value in values)
