"""The sites of a cell as a real Caddy serves them: names, HSTS, and what the host adds."""

import pytest

from picdns_core import DeployFailed
from picdns_core.store.atomic import write
from tests.conftest import Cell, MakeCell

HSTS = "strict-transport-security"
PUBLIC, INTERNAL = "files.home.test", "files.cell"


def test_each_name_of_a_service_is_served_with_its_own_certificate(make_cell: MakeCell) -> None:
    """From one site: the public name by the public CA, the internal one by the cell's own."""
    cell = make_cell(services=("files", "photos"))
    assert cell.runner.up().failed == ()
    for service in ("files", "photos"):
        assert cell.get(f"{service}.home.test").names == [f"{service}.home.test"]
        assert cell.get(f"{service}.cell").names == ["files.cell", "photos.cell"]
    assert cell.caddyfile.read_text().count("reverse_proxy") == 2


def test_browsers_are_told_of_https_only_under_the_name_that_everybody_trusts(
    make_cell: MakeCell,
) -> None:
    """For a month, and for no other name."""
    cell = make_cell()
    cell.runner.up()
    assert cell.get(PUBLIC).headers[HSTS] == "max-age=2592000"
    assert HSTS not in cell.get(INTERNAL).headers


def test_lan_tells_browsers_nothing_of_https_only(make_cell: MakeCell) -> None:
    """Whoever has not imported the root could not look at the site at all."""
    cell = make_cell("lan")
    cell.runner.up()
    assert HSTS not in cell.get("files.home.cell").headers
    assert HSTS not in cell.get(INTERNAL).headers


def include(cell: Cell, **files: str) -> None:
    """Put files into the directory that the Caddyfile includes; `__` is `/` in their names."""
    for name, text in files.items():
        path = cell.root / "config/caddy/own" / f"{name.replace('__', '/')}.caddy"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text.encode(), mode=0o644)


def test_what_the_host_includes_is_served_beside_and_in_our_sites(make_cell: MakeCell) -> None:
    """A directory that is not there is as good as an empty one."""
    cell = make_cell("lan")
    assert cell.caddy
    cell.set(picdns={"caddy": {"include": "config/caddy/own"}})
    assert cell.runner.up().failed == ()
    assert cell.get(INTERNAL).status == 200
    include(
        cell,
        mine='http://mine.test {\n\trespond "mine"\n}\n',
        services__all="header X-Host here\n",
    )
    assert cell.runner.renew(force=True).failed == ()
    assert cell.caddy.get_plain("mine.test").body == "mine"
    assert cell.get(INTERNAL).headers["x-host"] == "here"
    assert cell.get("files.home.cell").headers["x-host"] == "here"


def test_broken_file_of_the_host_is_named_and_nothing_changes(make_cell: MakeCell) -> None:
    """In Caddy's own words; what is served stays so until the host has mended it."""
    cell = make_cell("lan")
    cell.set(picdns={"caddy": {"include": "config/caddy/own"}})
    cell.runner.up()
    before, text = cell.get(INTERNAL).serial, cell.caddyfile.read_text()
    include(cell, services__all="nonsense\n")
    with pytest.raises(DeployFailed, match=r"all\.caddy") as failed:
        cell.runner.renew(force=True)
    assert "a file of yours" in failed.value.hint
    assert cell.get(INTERNAL).serial == before
    assert cell.caddyfile.read_text() == text
    include(cell, services__all="")
    assert cell.runner.up().deployed
    assert cell.get(INTERNAL).serial != before


def test_edit_by_hand_is_kept_said_once_and_overwritten(make_cell: MakeCell) -> None:
    """The cell serves what its config says; nothing that somebody wrote is lost."""
    cell = make_cell("lan")
    cell.runner.up()
    text = cell.caddyfile.read_text()
    edited = text.replace("reverse_proxy", "respond by-hand #")
    cell.caddyfile.write_text(edited)
    cell.steps.clear()
    for _ in range(2):
        cell.runner.up()
    assert cell.caddyfile.read_text() == text
    kept = cell.caddyfile.with_name("Caddyfile.orig")
    assert kept.read_text() == edited
    said = [step.text for step in cell.steps if "edited by hand" in step.text]
    assert said == [f"Keeping {cell.caddyfile}, which was edited by hand, as {kept}"]
