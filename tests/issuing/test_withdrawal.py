"""TXT values out of DNS again, one by one."""

from pathlib import Path

import pytest

from picdns_core import ProviderUnavailable, TxtRecord
from picdns_core.issuing import withdraw_all
from picdns_core.store import FileStore
from picdns_core.store.journal import TxtJournal

FIRST, SECOND, THIRD = (TxtRecord(name=f"{n}.home.test", value="x") for n in (1, 2, 3))


class Hindered:
    """A publisher whose service is down whenever the second is to be removed."""

    values_per_name = 1

    def __init__(self) -> None:
        self.withdrawn: list[TxtRecord] = []

    def publish(self, record: TxtRecord) -> None:
        raise AssertionError(record)

    def withdraw(self, record: TxtRecord) -> None:
        if record == SECOND:
            raise ProviderUnavailable("The service is down.")
        self.withdrawn.append(record)


def test_one_value_that_stays_stops_none_of_the_others(tmp_path: Path) -> None:
    """It alone is still known, and its error is what the caller hears."""
    journal = TxtJournal(FileStore(tmp_path), "duckdns", "home.test", None)
    journal.add(FIRST, SECOND, THIRD)
    publisher = Hindered()
    with pytest.raises(ProviderUnavailable):
        withdraw_all(publisher, journal)
    assert (publisher.withdrawn, journal.records()) == ([FIRST, THIRD], (SECOND,))
