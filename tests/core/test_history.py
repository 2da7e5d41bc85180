"""What happened lately is kept in words, for whoever asks later."""

from datetime import UTC, datetime

from picdns_core.events import ModeChanged
from picdns_core.history import History
from picdns_core.model import Cell
from picdns_core.store import FileStore
from tests.conftest import Cell as HomeServer
from tests.conftest import MakeCell

CELL = Cell(name="home", mode="lan", domain="home.cell")


def texts(cell: HomeServer) -> list[str]:
    return [one.text for one in History(FileStore(cell.root)).last(20)]


def test_what_happened_is_known_to_later_processes(make_cell: MakeCell) -> None:
    """The newest first: the registration, each certificate, another name."""
    cell = make_cell("lan", caddy=False)
    cell.runner.up()
    assert "home.cell is registered" in texts(cell)
    assert any(one.startswith("New certificate for home.cell, *.home.cell") for one in texts(cell))
    cell.runner.switch("lan", {"cell_name": "haus"})
    assert "From home.cell in mode lan to haus.cell in mode lan" in texts(cell)[:4]


def test_fifty_are_kept_and_damage_is_no_error(make_cell: MakeCell) -> None:
    """What cannot be read begins anew."""
    cell = make_cell("lan", caddy=False)
    history = History(FileStore(cell.root))
    for number in range(60):
        moment = datetime.now(UTC)
        history.mode_changed(
            ModeChanged(cell=CELL, at=moment, previous_mode="lan", previous_domain=f"{number}.cell")
        )
    kept = history.last(100)
    assert len(kept) == 50
    assert kept[0].text.startswith("From 59.cell")
    file = cell.base / "history.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{")
    assert history.last(20) == ()
