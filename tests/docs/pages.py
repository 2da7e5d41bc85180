"""The pages of the documentation, taken apart."""

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
PAGES = sorted(
    [
        *CHECKOUT.glob("*.md"),
        *CHECKOUT.glob("docs/**/*.md"),
        *CHECKOUT.glob("plugins/*/README.md"),
    ]
)
ROOT = "/srv/pic"
"""How the pages call the root of the cell."""

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>.*?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| `([^|]+?)` \|", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code; `note` is the comment right above it, `heading` what it is below."""

    language: str
    text: str
    note: str
    heading: str


def named(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def read(name: str) -> str:
    return (CHECKOUT / name).read_text()


def blocks(name: str, language: str) -> list[Block]:
    """Find the blocks of one language, in their order."""
    text = read(name)
    found = []
    for match in _BLOCK.finditer(text):
        if match["language"] == language:
            above = _HEADING.findall(text[: match.start()])
            found.append(Block(language, match["text"], match["note"] or "", (above or [""])[-1]))
    return found


def links(path: Path) -> list[str]:
    """Find the links of a page, as they are written there."""
    return _LINK.findall(_BLOCK.sub("", path.read_text()))


def anchors(path: Path) -> set[str]:
    """Name the headings of a page as links do."""
    headings = _HEADING.findall(_BLOCK.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def first_column(text: str) -> list[str]:
    """Return what stands as code in the first column of tables."""
    return [cell for row in _ROW.findall(text) for cell in row.split("`, `")]


def section(name: str, heading: str) -> str:
    """Return the text below a heading, up to the next one, without code."""
    after = _BLOCK.sub("", read(name)).partition(f"\n{heading}\n")[2]
    assert after, f"{name} has no heading {heading!r}"
    return re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0]
