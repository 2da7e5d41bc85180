"""What is asked for by hand: a rehearsal that leaves nothing, and a revocation."""

from collections.abc import Iterator

import pytest
from cryptography import x509

from picdns_core import ConfigError
from picdns_core.testing import LocalInternet, Pebble
from tests.conftest import Cell, MakeCell


@pytest.fixture
def staging(local_internet: LocalInternet) -> Iterator[Pebble]:
    pebble = local_internet.new_pebble()
    yield pebble
    pebble.close()


def files(cell: Cell) -> set[str]:
    return {str(path.relative_to(cell.base)) for path in (cell.base / "certs").rglob("*")}


def in_dns(cell: Cell) -> set[tuple[str, str]]:
    """Return the names and types there are."""
    return set(cell.account.zone.records()) if cell.account else set()


def serial(cell: Cell, lineage: str) -> int:
    chain = (cell.base / "certs" / lineage / "current/fullchain.pem").read_bytes()
    return x509.load_pem_x509_certificate(chain).serial_number


@pytest.mark.parametrize("mode", ["http01", "cloudflare"])
def test_a_rehearsal_asks_the_staging_directory_alone(
    make_cell: MakeCell, staging: Pebble, mode: str
) -> None:
    """An order is gone through to its end; what is on disk and in DNS is as it was before."""
    cell = make_cell(mode, caddy=False)
    cell.runner.up()
    cell.set(picdns={"acme": {"staging": staging.directory}})
    before = files(cell)
    cell.forget_asked()
    records = in_dns(cell)
    report = cell.runner.rehearse()
    assert report.failed == ()
    assert [any(name.endswith(".cell") for name in one) for one in report.issued] == [False]
    asked = [path for _, path in staging.requests()]
    assert asked.count("/order-plz") == asked.count("/finalize-order/") == 1
    assert cell.asked().total() == 0
    assert files(cell) == before
    assert not list(cell.base.glob("certs/_rehearsal*"))
    assert cell.leftovers() == []
    assert in_dns(cell) == records


def test_a_rehearsal_before_up_leaves_no_certificate(make_cell: MakeCell, staging: Pebble) -> None:
    """It shows whether `up` would succeed, which then does."""
    cell = make_cell("http01", caddy=False)
    cell.set(picdns={"acme": {"staging": staging.directory}})
    assert cell.runner.rehearse().failed == ()
    assert not list(cell.base.glob("certs/*/*"))
    assert cell.leftovers() == []
    assert len(cell.runner.up().issued) == 2


def test_a_rehearsal_that_fails_says_why_and_leaves_nothing(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """What is served and renewed by the real CA is not concerned."""
    cell = make_cell("http01", caddy=False)
    cell.runner.up()
    before = files(cell)
    strict = local_internet.new_pebble(blocklist=("files.home.test",))
    cell.set(picdns={"acme": {"staging": strict.directory}})
    (problem,) = cell.runner.rehearse().failed
    strict.close()
    assert problem.names == ("files.home.test",)
    assert problem.error == "OrderRefused"
    assert files(cell) == before
    assert cell.leftovers() == []
    assert cell.runner.refresh().problems == ()


def test_there_is_nothing_to_rehearse_without_a_staging_directory(make_cell: MakeCell) -> None:
    """Nor in lan, where no CA is asked."""
    with pytest.raises(ConfigError, match="staging"):
        make_cell("http01", caddy=False).runner.rehearse()
    with pytest.raises(ConfigError, match="lan asks no public CA"):
        make_cell("lan", caddy=False).runner.rehearse()


def test_a_revoked_certificate_is_replaced_at_once(make_cell: MakeCell) -> None:
    """Another one with another key is served then; the heartbeat has nothing left to do."""
    cell = make_cell("http01")
    cell.runner.up()
    assert cell.pebble
    revoked = serial(cell, "files.home.test")
    assert cell.pebble.certificate_status(revoked) == "Valid"
    report = cell.runner.revoke("files.home.test", "keyCompromise")
    now = serial(cell, "files.home.test")
    assert report.issued == (("files.home.test",),)
    assert cell.pebble.certificate_status(revoked) == "Revoked"
    assert cell.pebble.certificate_status(now) == "Valid"
    assert cell.get("files.home.test").serial == now
