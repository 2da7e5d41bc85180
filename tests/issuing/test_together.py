"""Threads that count at the same time: one write for all who wait."""

import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from picdns_core import RateLimited, StoreError
from picdns_core.store import FileStore
from tests.issuing.test_budget import Counted


class _Disk(FileStore):
    """A store that notes what was written, slowly, and can fail."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.writes: list[bytes] = []
        self.busy = threading.Event()
        self.go_on = threading.Event()
        self.full = False

    def put(self, key: str, data: bytes) -> None:
        self.busy.set()
        self.go_on.wait(10)
        if self.full:
            self.full = False
            raise StoreError("full", hint="")
        super().put(key, data)
        self.writes.append(data)


def _count_four(counted: Counted, disk: _Disk) -> list[BaseException | None]:
    """Have three orders come while the first is being written; return what each raised."""
    counted.store = disk
    with ThreadPoolExecutor(4) as pool:

        def order(number: int) -> Future[None]:
            return pool.submit(counted.attempt(f"n{number}.test").order, renews=False)

        first = order(0)
        assert disk.busy.wait(10)
        others = [order(number) for number in range(1, 4)]
        while len(counted.together._waiting) < 4:
            assert not first.done()
        disk.go_on.set()
        return [one.exception(10) for one in (first, *others)]


def test_one_write_does_for_all_who_wait(tmp_path: Path) -> None:
    """And holds what each of them is about to ask."""
    disk = _Disk(tmp_path)
    assert _count_four(Counted(tmp_path), disk) == [None] * 4
    assert [len(json.loads(one)["orders"]) for one in disk.writes] == [1, 4]


def test_write_that_fails_is_tried_again_for_those_who_wait(tmp_path: Path) -> None:
    """Only who wrote is told, and is not counted."""
    disk = _Disk(tmp_path)
    disk.full = True
    failed, *others = _count_four(Counted(tmp_path), disk)
    assert isinstance(failed, StoreError)
    assert others == [None] * 3
    assert [len(json.loads(one)["orders"]) for one in disk.writes] == [3]


def test_one_who_is_refused_holds_back_none_of_the_others(tmp_path: Path) -> None:
    """Though they are counted together."""
    counted = Counted(tmp_path)
    for number in range(4):
        counted.fail("n2.test", number=number)
    raised = _count_four(counted, _Disk(tmp_path))
    assert isinstance(raised.pop(2), RateLimited)
    assert raised == [None] * 3
    names = {one["lineage"] for one in json.loads(counted.file.read_text())["certificates"]}
    assert names == {"n0.test", "n1.test", "n3.test"}
