"""Which certificates a cell wants, and when each is due."""

from datetime import UTC, datetime, timedelta

import pytest

from picdns_core import Cell, CertFiles, DomainMode, Service
from picdns_core.store import Certificate, CertMeta
from picdns_core.wanted import INTERNAL, Wanted, renew_at, wanted, why_unfit

SERVICES = (Service(name="files", upstream="a:1"), Service(name="photos", upstream="b:1"))
CELL = Cell(name="home", mode="any", domain="home.example", services=SERVICES)
EMPTY = Cell(name="home", mode="any", domain="home.example")
WILDCARD = DomainMode(name="any", title="", description="")
ONE_EACH = DomainMode(name="any", title="", description="", wildcard=False)
INSIDE = Wanted(lineage=INTERNAL, names=("files.cell", "photos.cell"), internal=True)
START = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = "acme:https://ca.example/directory"


@pytest.mark.parametrize(
    ("cell", "mode", "expected"),
    [
        (
            CELL,
            WILDCARD,
            [Wanted(lineage="home.example", names=("home.example", "*.home.example")), INSIDE],
        ),
        (
            CELL,
            ONE_EACH,
            [
                Wanted(lineage="files.home.example", names=("files.home.example",)),
                Wanted(lineage="photos.home.example", names=("photos.home.example",)),
                INSIDE,
            ],
        ),
        (
            EMPTY,
            WILDCARD,
            [Wanted(lineage="home.example", names=("home.example", "*.home.example"))],
        ),
        (EMPTY, ONE_EACH, []),
    ],
)
def test_a_mode_with_a_wildcard_wants_one_and_others_one_each(
    cell: Cell, mode: DomainMode, expected: list[Wanted]
) -> None:
    """Names inside share one certificate, listed one by one, in every mode."""
    assert expected == wanted(cell, mode)


def test_a_cell_of_eight_services_wants_nine_certificates() -> None:
    """One for each service in public, and one for all of them inside."""
    services = tuple(Service(name=f"s{number}", upstream="a:1") for number in range(8))
    cell = Cell(name="home", mode="any", domain="home.example", services=services)
    found = wanted(cell, ONE_EACH)
    assert len(found) == 9
    assert len({one.lineage for one in found}) == 9


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (timedelta(days=90), timedelta(days=60)),
        (timedelta(days=45), timedelta(days=30)),
        (timedelta(days=10, seconds=3), timedelta(days=6, hours=16, seconds=2)),
        (timedelta(days=10), timedelta(days=5)),
        (timedelta(days=6), timedelta(days=3)),
        (timedelta(hours=1), timedelta(minutes=30)),
    ],
)
def test_renewal_is_at_two_thirds_or_half_of_a_short_life(
    lifetime: timedelta, expected: timedelta
) -> None:
    """A certificate of six days has as many days left for a second try as it needs."""
    assert expected == renew_at(START, START + lifetime) - START


def have(**changes: object) -> Certificate:
    meta = {
        "names": ("home.example", "*.home.example"),
        "issuer": "CA",
        "serial": "01",
        "not_before": START,
        "not_after": START + timedelta(days=90),
        "renew_at": START + timedelta(days=60),
        "mode": "any",
        "source": SOURCE,
    }
    files = CertFiles(fullchain="/chain", privkey="/key")
    return Certificate(
        lineage="home.example",
        generation="000001",
        meta=CertMeta(**(meta | changes)),  # type: ignore[arg-type]
        files=files,
    )


@pytest.mark.parametrize(
    ("certificate", "days", "expected"),
    [
        (None, 0, "there is none yet"),
        (have(), 0, None),
        (have(), 200, None),
        (have(), -1, "it is not valid yet: it was made while the clock was wrong"),
        (have(names=("*.home.example", "home.example")), 0, None),
        (have(names=("home.example",)), 0, "the names have changed"),
        (have(source="signer:AA"), 0, "it comes from another CA"),
    ],
)
def test_a_certificate_is_unfit_for_one_of_four_reasons(
    certificate: Certificate | None, days: int, expected: str | None
) -> None:
    """None yet, other names, another CA, or a wrong clock; whether its time has come is no such."""
    want = wanted(EMPTY, WILDCARD)[0]
    assert expected == why_unfit(want, certificate, SOURCE, START + timedelta(days=days))
