"""Every page can be reached, and every link leads somewhere."""

from pathlib import Path

import pytest

from . import pages


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.named)
def test_links_resolve(page: Path) -> None:
    """Files that are there, and headings that are in them."""
    for link in pages.links(page):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    """Nobody has to know that a page is there."""
    reached, waiting = set[Path](), [pages.CHECKOUT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        places = [link.partition("#")[0] for link in pages.links(page) if "://" not in link]
        waiting += [(page.parent / place).resolve() for place in places if place]
    docs = {page for page in pages.PAGES if "plugins" not in page.parts}
    assert docs == reached


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.named)
def test_page_begins_with_one_heading_and_has_no_long_lines_of_prose(page: Path) -> None:
    """A page can be read in a terminal; tables, links and code may be wider."""
    lines = page.read_text().splitlines()
    assert lines[0].startswith("# ")
    prose = [one for one in lines if not one.startswith(("|", "-", " ", "$")) and "](" not in one]
    in_code = "".join(block.text for block in _all_blocks(page)).splitlines()
    assert [one for one in prose if len(one) > 100 and one not in in_code] == []


def _all_blocks(page: Path) -> list[pages.Block]:
    languages = ("console", "json", "python", "sh", "toml", "yaml", "caddyfile")
    name = pages.named(page)
    return [block for language in languages for block in pages.blocks(name, language)]
