"""The journal: intents that a later process finds."""

import pytest

from picdns_core.errors import StoreError
from picdns_core.model import Cell, Registration, TxtRecord
from picdns_core.store import FileStore
from picdns_core.store.journal import Journal, OrderIntent, TxtJournal
from picdns_core.store.registrations import Claim

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


CLAIM = Claim(
    cell=Cell(name="home", mode="duckdns", domain="home.test"),
    settings={},
    registration=Registration(domain="home.test"),
)
APEX, WILDCARD, OTHER = (
    TxtRecord(name="_acme-challenge.home.test", value=value) for value in ("apex", "wild", "other")
)


def test_txt_values_are_known_until_they_are_removed(store: FileStore) -> None:
    """Each once, by another process as well, and no file is left of none."""
    ours = TxtJournal(store, "duckdns", "home.test", CLAIM)
    ours.add(APEX, WILDCARD)
    ours.add(OTHER, APEX)
    later = TxtJournal(FileStore(store.base.parents[2]), "duckdns", "home.test", CLAIM)
    assert later.records() == (APEX, WILDCARD, OTHER)
    later.remove(APEX, OTHER)
    assert ours.records() == (WILDCARD,)
    later.remove(WILDCARD)
    later.remove(WILDCARD)
    assert store.keys("journal") == []


def test_txt_values_are_found_whatever_their_mode(journal: Journal, store: FileStore) -> None:
    """Those of a mode that was left, too; damage is passed over."""
    TxtJournal(store, "duckdns", "home.test", CLAIM).add(APEX)
    TxtJournal(store, "pic_ngo", "home.pic.ngo", None).add(OTHER)
    store.put("journal/txt-duckdns-damaged.json", b"{")
    found = [(one.mode, one.lineage, one.claim, one.records) for one in TxtJournal.left(store)]
    ours = ("duckdns", "home.test", CLAIM, (APEX,))
    assert found == [ours, ("pic_ngo", "home.pic.ngo", None, (OTHER,))]
    assert journal.lineages_in_dns() == ["home.test", "home.pic.ngo"]
    assert journal.open_lineages() == []


def test_a_damaged_list_of_txt_values_is_as_good_as_none(store: FileStore) -> None:
    """It is given up, as whoever reads it can do nothing with it."""
    store.put("journal/txt-duckdns-home.test.json", b"{")
    assert TxtJournal(store, "duckdns", "home.test", CLAIM).records() == ()
    assert store.keys("journal") == []
