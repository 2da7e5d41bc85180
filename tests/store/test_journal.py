"""The journal: intents that a later process finds."""

import pytest

from picdns_core.errors import StoreError
from picdns_core.store import FileStore
from picdns_core.store.journal import Journal, OrderIntent

INTENT = OrderIntent(
    mode="http01",
    lineage="files.home.test",
    generation="000001",
    names=("files.home.test",),
    source="acme:https://ca.test/dir",
    probe="random",
)


@pytest.fixture
def journal(store: FileStore) -> Journal:
    return Journal(store)


def test_an_intent_is_there_until_it_is_closed(journal: Journal, store: FileStore) -> None:
    """For other processes too; closing twice is fine."""
    assert journal.read(INTENT.lineage) is None
    assert journal.write(INTENT) is INTENT
    assert Journal(FileStore(store.base.parents[2])).read(INTENT.lineage) == INTENT
    for _ in range(2):
        journal.close(INTENT.lineage)
        assert journal.read(INTENT.lineage) is None


def test_an_intent_changes_as_its_order_goes_on(journal: Journal) -> None:
    """The last one written is the one that is read."""
    journal.write(INTENT)
    later = journal.write(INTENT.but(order_url="https://ca.test/order/1", tokens=("-a", "b")))
    assert (later.lineage, later.order_url) == (INTENT.lineage, "https://ca.test/order/1")
    assert journal.read(INTENT.lineage) == later
    assert INTENT.tokens == ()


def test_open_intents_are_named_by_their_lineage(journal: Journal, store: FileStore) -> None:
    """A file of somebody else among them is left alone."""
    for lineage in ("home.cell", "internal", "order-x.json.cell"):
        journal.write(INTENT.but(lineage=lineage))
    store.put("journal/switch.json", b"{}")
    journal.close("internal")
    assert journal.open_lineages() == ["home.cell", "order-x.json.cell"]


def test_an_intent_of_a_newer_picdns_is_refused(journal: Journal, store: FileStore) -> None:
    """It may hold what must be undone, which we would not know."""
    store.put("journal/order-home.cell.json", b'{"version": 2}')
    with pytest.raises(StoreError, match="newer picdns"):
        journal.read("home.cell")
