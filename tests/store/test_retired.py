"""What is known of certificates that nobody wants, and how they go."""

from datetime import UTC, datetime

import pytest

from picdns_core.store import FileStore, Lineages
from picdns_core.store.plans import Plan, Plans
from picdns_core.store.retired import Retired
from tests.store.test_lineages import META

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY = "schedule/retired.json"


def add(store: FileStore, lineage: str, *generations: str) -> Lineages:
    lineages = Lineages(store)
    for generation in generations:
        lineages.begin(lineage, generation, b"key")
        lineages.finish(lineage, generation, b"chain", META)
    store.point(lineage, generations[-1])
    return lineages


def test_marks_survive_and_without_any_there_is_no_file(store: FileStore) -> None:
    """The time is that of the first look."""
    retired = Retired(store)
    assert retired.all() == {}
    retired.change(lambda marks: {**marks, "a.test": NOW})
    assert Retired(store).all() == {"a.test": NOW}
    retired.forget("other.test")
    assert Retired(store).all() == {"a.test": NOW}
    retired.forget("a.test")
    assert store.get(KEY) is None


def test_a_damaged_file_begins_the_day_anew(store: FileStore) -> None:
    """Nothing is dropped because of it."""
    store.put(KEY, b'{"version": 1, "since": {"a.test": "yesterday"}}')
    assert Retired(store).all() == {}
    Retired(store).change(lambda marks: {**marks, "a.test": NOW})
    assert Retired(store).all() == {"a.test": NOW}


def test_lineages_are_known_as_they_come_and_go(store: FileStore) -> None:
    """Whoever made them."""
    lineages = Lineages(store)
    assert lineages.known() == frozenset()
    add(store, "a.test", "000001")
    add(store, "b.test", "000001")
    assert lineages.known() == {"a.test", "b.test"}
    Lineages(store).drop("a.test")
    assert lineages.known() == {"b.test"}


@pytest.mark.parametrize("gone", [[], ["current"], ["current", "000001/privkey.pem"]])
def test_dropped_lineage_leaves_nothing(store: FileStore, gone: list[str]) -> None:
    """Also where a killed process had begun; twice is fine, and others stay."""
    lineages = add(store, "a.test", "000001", "000002")
    add(store, "b.test", "000001")
    for name in gone:
        (store.base / "certs/a.test" / name).unlink()
    lineages.drop("a.test")
    lineages.drop("a.test")
    assert not (store.base / "certs/a.test").exists()
    assert lineages.glance("a.test") is None
    assert lineages.current("b.test") is not None


def test_dropped_plan_leaves_the_others(store: FileStore) -> None:
    """One that is not there is fine, and nothing is written for it."""
    plans = Plans(store)
    plans.put({"a.test": Plan(serial="1"), "b.test": Plan(serial="2")})
    assert set(plans.drop("a.test")) == {"b.test"}
    assert set(plans.drop("a.test")) == {"b.test"} == set(Plans(store).all())
