"""Claims on names: kept with what they were made from."""

import msgspec
import pytest

from picdns_core.model import Cell, Registration, Service
from picdns_core.store import FileStore
from picdns_core.store.registrations import Claim, Registrations


class Settings(msgspec.Struct, frozen=True):
    """Settings of some mode."""

    zone: str = "home.test"
    records: tuple[str, ...] = ("a", "b")


CELL = Cell(name="home", mode="lan", domain="home.cell")
MADE = Registration(domain="home.cell", notes={"record": "123"})


@pytest.fixture
def registrations(store: FileStore) -> Registrations:
    return Registrations(store)


def test_a_claim_is_kept_with_its_cell_and_settings(registrations: Registrations) -> None:
    """Teardown works from it, whatever the config says by then."""
    assert registrations.get("lan") is None
    registrations.keep(CELL, Settings(), MADE)
    settings = {"zone": "home.test", "records": ["a", "b"]}
    claim = registrations.get("lan")
    assert claim == Claim(cell=CELL, settings=settings, registration=MADE)
    assert msgspec.convert(claim.settings, Settings) == Settings()


def test_a_claim_serves_the_same_name_and_settings(registrations: Registrations) -> None:
    """Other services of the cell need no other claim."""
    registrations.keep(CELL, Settings(), MADE)
    service = Service(name="files", upstream="127.0.0.1:1")
    served = msgspec.structs.replace(CELL, services=(service,))
    assert registrations.matching(CELL, Settings()) == MADE
    assert registrations.matching(served, Settings()) == MADE


class More(Settings, frozen=True):
    """The same settings in a later version of the mode."""

    later: bool = True


class Other(msgspec.Struct, frozen=True):
    """Settings in which nothing is as it was."""

    zone: int


def test_a_claim_outlives_a_setting_that_is_added(registrations: Registrations) -> None:
    """A later version of the mode registers anew only if the setting is not at its default."""
    registrations.keep(CELL, Settings(), MADE)
    assert registrations.matching(CELL, More()) == MADE
    assert registrations.matching(CELL, More(later=False)) is None
    assert registrations.matching(CELL, Other(zone=1)) is None


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        ({"name": "other"}, Settings()),
        ({"domain": "other.cell"}, Settings()),
        ({"mode": "http01"}, Settings()),
        ({}, Settings(zone="other.test")),
        ({}, Settings(records=("b", "a"))),
    ],
)
def test_a_claim_serves_no_other_name_and_no_other_settings(
    registrations: Registrations, change: dict[str, str], settings: Settings
) -> None:
    """The cell must then register anew; the claim stays, to be given back."""
    registrations.keep(CELL, Settings(), MADE)
    assert registrations.matching(msgspec.structs.replace(CELL, **change), settings) is None
    assert registrations.get("lan")


def test_each_mode_has_its_own_claim(registrations: Registrations) -> None:
    """During a switch there are two; forgetting one leaves the other."""
    registrations.keep(CELL, Settings(), MADE)
    registrations.keep(msgspec.structs.replace(CELL, mode="http01"), Settings(), MADE)
    claim = registrations.get("lan")
    assert claim
    for _ in range(2):
        registrations.forget(claim)
        assert registrations.get("lan") is None
    assert registrations.get("http01")


def test_a_claim_that_was_only_begun_is_no_registration(registrations: Registrations) -> None:
    """It is there for a teardown, with what the service said before, if anything."""
    registrations.begin(CELL, Settings())
    claim = registrations.get("lan")
    assert claim
    assert (claim.pending, claim.registration) == (True, Registration(domain="home.cell"))
    assert registrations.matching(CELL, Settings()) is None
    registrations.keep(CELL, Settings(), MADE)
    registrations.begin(CELL, Settings(zone="other.test"))
    claim = registrations.get("lan")
    assert claim
    assert (claim.pending, claim.registration) == (True, MADE)


def test_a_claim_on_another_name_waits_to_be_given_back(registrations: Registrations) -> None:
    """However often the cell is renamed before that is done."""
    names = ("first", "second", "third")
    cells = [msgspec.structs.replace(CELL, domain=f"{name}.cell") for name in names]
    for cell in cells:
        registrations.begin(cell, Settings())
        registrations.keep(cell, Settings(), Registration(domain=cell.domain))
    former = registrations.former("lan")
    assert [claim.cell.domain for claim in former] == ["first.cell", "second.cell"]
    for claim in former:
        registrations.forget(claim)
    assert (registrations.former("lan"), registrations.get("lan") is None) == ((), False)


def test_a_cell_that_is_renamed_back_has_its_claim_again(registrations: Registrations) -> None:
    """What the service said of it is known, and it is not given back as a former one."""
    registrations.keep(CELL, Settings(), MADE)
    other = msgspec.structs.replace(CELL, domain="other.cell")
    registrations.begin(other, Settings())
    registrations.begin(CELL, Settings())
    claim = registrations.get("lan")
    assert claim
    assert (claim.cell, claim.registration) == (CELL, MADE)
    assert [one.cell.domain for one in registrations.former("lan")] == ["other.cell"]


def test_mode_in_force_is_left_by_itself_only(store: FileStore) -> None:
    """Giving back what another mode still holds does not end this one."""
    kept = Registrations(store)
    assert kept.in_force() is None
    kept.enter("lan")
    kept.leave("http01")
    assert Registrations(store).in_force() == "lan"
    kept.leave("lan")
    assert kept.in_force() is None


def test_damaged_note_of_the_mode_is_written_anew(store: FileStore) -> None:
    """It says no more than what `up` knows."""
    store.put("cell.json", b"nonsense")
    Registrations(store).enter("lan")
    assert Registrations(store).in_force() == "lan"
