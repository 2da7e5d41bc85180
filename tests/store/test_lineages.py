"""Lineages: which generation counts, which stays, which goes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from picdns_core.store import CertMeta, FileStore, Lineages

META = CertMeta(
    names=("home.cell", "*.home.cell"),
    issuer="home internal CA",
    serial="01ab",
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2026, 4, 1, tzinfo=UTC),
    renew_at=datetime(2026, 3, 1, tzinfo=UTC),
    mode="lan",
    source="signer:ab",
)
NAME = "home.cell"


@pytest.fixture
def lineages(store: FileStore) -> Lineages:
    return Lineages(store)


def add(lineages: Lineages, generation: str) -> None:
    """Put a complete generation there."""
    lineages.begin(NAME, generation, f"key {generation}".encode())
    lineages.finish(NAME, generation, f"chain {generation}".encode(), META)


def generations(store: FileStore) -> list[str]:
    """List the directories, as a server would see them."""
    return sorted(path.name for path in (store.base / "certs" / NAME).iterdir())


def test_a_generation_is_complete_once_it_is_finished(lineages: Lineages) -> None:
    """Key, chain and meta come back as they were given, with paths to the files."""
    lineages.begin(NAME, "000001", b"key")
    assert lineages.newest(NAME) is None
    made = lineages.finish(NAME, "000001", b"chain", META)
    assert lineages.newest(NAME) == made
    assert (made.lineage, made.generation, made.meta) == (NAME, "000001", META)
    assert lineages.privkey(NAME, "000001") == b"key"
    assert Path(made.files.fullchain).read_bytes() == b"chain"
    assert Path(made.files.privkey).read_bytes() == b"key"


@pytest.mark.parametrize("missing", ["privkey.pem", "fullchain.pem", "meta.json"])
def test_a_generation_without_one_of_its_files_does_not_count(
    lineages: Lineages, store: FileStore, missing: str
) -> None:
    """The newest is then the one before."""
    add(lineages, "000001")
    add(lineages, "000002")
    store.delete(f"certs/{NAME}/000002/{missing}")
    assert lineages.get(NAME, "000002") is None
    newest = lineages.newest(NAME)
    assert newest
    assert newest.generation == "000001"


def test_the_newest_need_not_be_the_current(lineages: Lineages, store: FileStore) -> None:
    """It becomes current when a server has taken it."""
    add(lineages, "000001")
    store.point(NAME, "000001")
    add(lineages, "000002")
    current, newest = lineages.current(NAME), lineages.newest(NAME)
    assert current
    assert newest
    assert (current.generation, newest.generation) == ("000001", "000002")


def test_the_next_generation_is_newer_than_all_even_half_ones(lineages: Lineages) -> None:
    """The key of an order that is open keeps its place."""
    assert lineages.next_generation(NAME) == "000001"
    add(lineages, "000001")
    lineages.begin(NAME, "000002", b"key")
    assert lineages.next_generation(NAME) == "000003"


def test_generations_are_ordered_as_numbers(lineages: Lineages, store: FileStore) -> None:
    """The seventh digit comes after the six nines."""
    for generation in ("999998", "999999", "1000000"):
        add(lineages, generation)
    newest = lineages.newest(NAME)
    assert newest
    assert newest.generation == "1000000"
    assert lineages.next_generation(NAME) == "1000001"
    store.point(NAME, "1000000")
    lineages.prune(NAME, set())
    assert generations(store) == ["1000000", "999999", "current"]


def test_pruning_removes_what_is_older_than_current_and_not_in_use(
    lineages: Lineages, store: FileStore
) -> None:
    """What a server may still read stays, and so does what is newer, half or whole."""
    for number in range(1, 6):
        add(lineages, f"{number:06d}")
    lineages.begin(NAME, "000006", b"key")
    store.point(NAME, "000004")
    lineages.prune(NAME, {"000002"})
    assert generations(store) == ["000002", "000003", "000004", "000005", "000006", "current"]


@pytest.mark.parametrize("current", [None, "000009"])
def test_pruning_removes_nothing_while_no_generation_is_current(
    lineages: Lineages, store: FileStore, current: str | None
) -> None:
    """Without `current`, or with one that is not there, nobody knows what is served."""
    add(lineages, "000001")
    add(lineages, "000002")
    if current:
        store.point(NAME, current)
    lineages.prune(NAME, set())
    assert generations(store)[:2] == ["000001", "000002"]
    assert lineages.current(NAME) is None


def test_pruning_copes_with_many_generations(lineages: Lineages, store: FileStore) -> None:
    """Years of short certificates leave one directory."""
    for number in range(1, 41):
        add(lineages, f"{number:06d}")
    store.point(NAME, "000040")
    lineages.prune(NAME, set())
    assert generations(store) == ["000039", "000040", "current"]


def test_discarding_removes_the_directory(lineages: Lineages, store: FileStore) -> None:
    """The other generations stay as they are; discarding twice is fine."""
    add(lineages, "000001")
    add(lineages, "000002")
    for _ in range(2):
        lineages.discard(NAME, "000002")
        assert generations(store) == ["000001"]
