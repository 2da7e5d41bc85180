"""Locks, across threads and processes."""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from picdns_core.errors import Busy
from picdns_core.store import FileStore
from tests.store import processes


def _hold(root: Path, held: processes.Signal, go: processes.Signal) -> None:
    with FileStore(root).lock("cell", "putting certificates live"):
        held.set()
        go.wait(20)


def _increment(root: Path, times: int) -> None:
    store, path = FileStore(root), root / "count"
    for _ in range(times):
        with store.lock("cell", "counting", wait=30):
            path.write_text(str(int(path.read_text()) + 1))


@pytest.fixture
def holder(root: Path) -> processes.Running:
    """A process that holds the lock `cell`."""
    held = processes.event()
    process = processes.Running(_hold, root, held, processes.event())
    assert held.wait(10)
    return process


def test_a_held_lock_names_the_step_and_the_process(
    store: FileStore, holder: processes.Running
) -> None:
    """At once, when nobody wants to wait."""
    begun = time.monotonic()
    with pytest.raises(Busy) as busy, store.lock("cell", "renewing"):
        pass
    assert time.monotonic() - begun < 1
    assert busy.value.step == f"putting certificates live (process {holder.pid})"
    assert busy.value.retryable
    holder.kill()


def test_a_killed_holder_frees_the_lock(store: FileStore, holder: processes.Running) -> None:
    """By kill -9, with its text still in the file."""
    holder.kill()
    with store.lock("cell", "renewing"):
        assert (store.base / "locks/cell").read_text() == f"renewing (process {os.getpid()})"


def test_waiting_ends_when_the_lock_is_free(root: Path, store: FileStore) -> None:
    """It is had soon after its holder let go, and not before."""
    held, go = processes.event(), processes.event()
    holder = processes.Running(_hold, root, held, go)
    assert held.wait(10)
    threading.Timer(0.3, go.set).start()
    begun = time.monotonic()
    with store.lock("cell", "renewing", wait=20):
        assert 0.2 < time.monotonic() - begun < 5
    holder.result()


def test_waiting_ends_with_busy_when_its_time_is_over(
    store: FileStore, holder: processes.Running
) -> None:
    """Neither much before nor much after."""
    begun = time.monotonic()
    with pytest.raises(Busy), store.lock("cell", "renewing", wait=0.3):
        pass
    assert 0.3 <= time.monotonic() - begun < 2
    holder.kill()


def test_threads_exclude_each_other(store: FileStore) -> None:
    """In one process as in several: flock belongs to the open file."""
    with store.lock("cell", "the first"):
        found: list[str] = []

        def enter() -> None:
            try:
                with store.lock("cell", "the second"):
                    found.append("in")
            except Busy as busy:
                found.append(busy.step)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert found == [f"the first (process {os.getpid()})"]


def test_threads_and_processes_take_turns(root: Path) -> None:
    """Nothing is lost between reading and writing, and nobody waits for ever."""
    (root / "count").write_text("0")
    workers = [processes.Running(_increment, root, 40) for _ in range(3)]
    threads = [threading.Thread(target=_increment, args=(root, 40)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.result()
    assert (root / "count").read_text() == "240"


def test_locks_of_different_names_do_not_block_each_other(store: FileStore) -> None:
    """Each lineage has its own."""
    with ExitStack() as stack:
        for name in ("cell", "address", "lineage-a.cell", "lineage-b.cell"):
            stack.enter_context(store.lock(name, "all at once"))
        with pytest.raises(Busy), store.lock("lineage-a.cell", "again"):
            pass


def test_an_error_inside_frees_the_lock(store: FileStore) -> None:
    """And passes through as it is."""
    with pytest.raises(ZeroDivisionError), store.lock("cell", "failing"):
        raise ZeroDivisionError
    with store.lock("cell", "after it"):
        pass


def test_a_thousand_locks_leak_no_descriptor(store: FileStore) -> None:
    """Neither those that are had, nor those that are refused."""

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for number in range(500):
        with store.lock("cell", "holding"), pytest.raises(Busy):
            store.lock("cell", "wanting it too").__enter__()
        store.put("failures.json", str(number).encode())
    assert count() < before + 10  # other threads of the test run have theirs


def _fork_inside(root: Path) -> int:
    """Fork a child that lives on, as a host may do at any moment; return its id."""
    with FileStore(root).lock("cell", "forking"):
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
    return child


def test_a_child_that_the_host_forked_meanwhile_does_not_keep_the_lock(
    root: Path, store: FileStore
) -> None:
    """It shares the open file; the holder frees it all the same."""
    child = processes.run(_fork_inside, root)
    try:
        with store.lock("cell", "after the fork"):
            os.kill(child, 0)  # it lives
    finally:
        os.kill(child, 9)


def test_a_holder_whose_text_is_odd_is_still_busy(store: FileStore) -> None:
    """A lock file that somebody wrote into, or emptied, changes nothing."""
    with store.lock("cell", "holding"):
        for text, said in ((b"\xff\xfe", "��"), (b"", "another process")):
            (store.base / "locks/cell").write_bytes(text)
            with pytest.raises(Busy) as busy, store.lock("cell", "renewing"):
                pass
            assert busy.value.step == said
