"""The providers of these tests, installed as one distribution."""

from pathlib import Path

import pytest

from . import broken
from .memory import Memory

PROVIDERS: list[type[Memory]] = [
    one for one in vars(broken).values() if isinstance(one, type) and issubclass(one, Memory)
]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site/picdns_memory-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: picdns-memory\nVersion: 1.0\n")
    entries = [f"{one.name} = {one.__module__}:{one.__name__}.plugin" for one in PROVIDERS]
    (info / "entry_points.txt").write_text("\n".join(["[picdns.modes]", *entries]))
    monkeypatch.syspath_prepend(tmp_path / "site")
