"""Atomic files: killed at any act, swept, raced; a reader sees the old bytes or the new ones."""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from picdns_core.errors import StoreError
from picdns_core.store import FileStore, Lineages, atomic
from tests.store import processes
from tests.store.test_lineages import META

OLD, NEW = b"old" * 1000, b"new" * 2000
_MOST = 60


def _put(root: Path, key: str, data: bytes) -> None:
    FileStore(root).put(key, data)


def _delete(root: Path, key: str) -> None:
    FileStore(root).delete(key)


def _point(root: Path, generation: str) -> None:
    FileStore(root).point("home.cell", generation)


def _finish(root: Path) -> None:
    Lineages(FileStore(root)).finish("home.cell", "000002", b"chain", META)


def _discard(root: Path) -> None:
    Lineages(FileStore(root)).discard("home.cell", "000001")


def _sweep(root: Path) -> None:
    FileStore(root).sweep()


def _rest(root: Path) -> list[str]:
    """Name the temporary files and links below a root."""
    found = [Path(top, name) for top, dirs, names in os.walk(root) for name in (*dirs, *names)]
    return [str(path.relative_to(root)) for path in found if path.name.startswith(".")]


def _kill_at_each_act(
    tmp_path: Path,
    begin: Callable[[Path], None],
    act: Callable[..., None],
    *args: object,
    look: Callable[[Path], None],
) -> tuple[int, int]:
    """Kill `act` at each of its acts, and `look`; count the acts and the temporary files left."""
    left = 0
    for number in range(1, _MOST):
        root = tmp_path / str(number)
        root.mkdir()
        begin(root)
        try:
            processes.run(act, root, *args, under=[partial(processes.killed_at, root, number)])
        except processes.Killed:
            look(root)
            left += len(_rest(root))
            FileStore(root).sweep()
            look(root)
            assert _rest(root) == []
        else:
            return number - 1, left
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    "key",
    [
        "failures.json",
        "registrations/lan.json",
        "webroot/token",
        "certs/home.cell/000001/meta.json",
    ],
)
def test_a_put_killed_at_any_act_leaves_the_old_bytes_or_the_new(tmp_path: Path, key: str) -> None:
    """Nobody ever reads a part, and the next sweep removes what the killed process left."""

    def look(root: Path) -> None:
        assert FileStore(root).get(key) in (OLD, NEW)
        if "/" in key:
            assert FileStore(root).keys(key.partition("/")[0]) == [key]

    acts, left = _kill_at_each_act(
        tmp_path, lambda root: _put(root, key, OLD), _put, key, NEW, look=look
    )
    assert acts >= 3
    assert left >= 2


def test_a_first_put_killed_at_any_act_leaves_nothing_or_all(tmp_path: Path) -> None:
    """The directories on the way do not matter: the next put finds or makes them."""
    key = "certs/home.cell/000001/privkey.pem"

    def look(root: Path) -> None:
        store = FileStore(root)
        assert store.get(key) in (None, NEW)
        if not _rest(root):
            store.put(key, NEW)
            assert store.get(key) == NEW
            store.sweep()
            assert store.base.stat().st_mode & 0o777 == 0o711
            assert (store.base / "certs").stat().st_mode & 0o777 == 0o700

    acts, left = _kill_at_each_act(tmp_path, lambda _: None, _put, key, NEW, look=look)
    assert acts >= 9
    assert left >= 2


def test_a_move_of_current_killed_at_any_act_names_the_old_or_the_new(tmp_path: Path) -> None:
    """A server that reads through the link finds a whole generation at every moment."""

    def begin(root: Path) -> None:
        for generation in ("000001", "000002"):
            _put(root, f"certs/home.cell/{generation}/privkey.pem", generation.encode())
        _point(root, "000001")

    def look(root: Path) -> None:
        current = FileStore(root).current("home.cell")
        assert current in ("000001", "000002")
        path = FileStore(root).base / "certs/home.cell/current/privkey.pem"
        assert path.read_text() == current

    acts, left = _kill_at_each_act(tmp_path, begin, _point, "000002", look=look)
    assert acts >= 2
    assert left == 1


def test_a_delete_killed_at_any_act_leaves_the_bytes_or_nothing(tmp_path: Path) -> None:
    """A directory that the delete did not come to remove is in nobody's way."""
    key = "accounts/ca/key.pem"

    def look(root: Path) -> None:
        assert FileStore(root).get(key) in (None, OLD)
        assert FileStore(root).keys("accounts") in ([], [key])

    acts, _ = _kill_at_each_act(
        tmp_path, lambda root: _put(root, key, OLD), _delete, key, look=look
    )
    assert acts >= 2


def test_a_generation_killed_while_it_is_finished_is_whole_or_does_not_count(
    tmp_path: Path,
) -> None:
    """The newest is the one before, or the new one with key and chain."""

    def begin(root: Path) -> None:
        lineages = Lineages(FileStore(root))
        for generation in ("000001", "000002"):
            lineages.begin("home.cell", generation, b"key")
        lineages.finish("home.cell", "000001", b"chain", META)

    def look(root: Path) -> None:
        newest = Lineages(FileStore(root)).newest("home.cell")
        assert newest
        assert Path(newest.files.fullchain).read_bytes() == b"chain"
        assert Path(newest.files.privkey).read_bytes() == b"key"

    acts, left = _kill_at_each_act(tmp_path, begin, _finish, look=look)
    assert acts >= 6
    assert left >= 4


def test_a_generation_killed_while_it_is_discarded_is_whole_or_does_not_count(
    tmp_path: Path,
) -> None:
    """Its meta goes first, so that no half of it passes for a certificate."""

    def begin(root: Path) -> None:
        lineages = Lineages(FileStore(root))
        lineages.begin("home.cell", "000001", b"key")
        lineages.finish("home.cell", "000001", b"chain", META)

    def look(root: Path) -> None:
        if found := Lineages(FileStore(root)).newest("home.cell"):
            assert Path(found.files.fullchain).read_bytes() == b"chain"
            assert Path(found.files.privkey).read_bytes() == b"key"

    acts, _ = _kill_at_each_act(tmp_path, begin, _discard, look=look)
    assert acts >= 3


def _write_for_ever(path: Path) -> None:
    while True:
        for data in (OLD * 50, NEW * 50):
            atomic.write(path, data, mode=0o600, durable=False)


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path) -> None:
    """Two processes rewrite a file, are killed, and every read in between was whole."""
    path = tmp_path / "file"
    atomic.write(path, OLD * 50, mode=0o600)
    writers = [processes.Running(_write_for_ever, path) for _ in range(2)]
    seen: set[bytes] = set()
    end = time.monotonic() + 0.5
    while time.monotonic() < end or len(seen) < 2:
        seen.add(path.read_bytes())
    for writer in writers:
        writer.kill()
    assert seen == {OLD * 50, NEW * 50}
    assert path.read_bytes() in seen


@pytest.mark.parametrize("act", ["fcntl.flock", "os.rename"])
def test_a_sweep_never_disturbs_a_living_put(root: Path, act: str) -> None:
    """Before its lock or after it: what a living writer is at is written."""
    reached, go = processes.event(), processes.event()
    pause = partial(processes.paused_at, root, act, reached, go)
    writer = processes.Running(_put, root, "failures.json", NEW, under=[pause])
    assert reached.wait(10)
    assert len(_rest(root)) == 1
    FileStore(root).sweep()
    go.set()
    writer.result()
    assert FileStore(root).get("failures.json") == NEW
    assert _rest(root) == []


def test_a_sweep_never_disturbs_a_living_move_of_current(root: Path) -> None:
    """A link cannot be locked, so its directory is."""
    _put(root, "certs/home.cell/000001/privkey.pem", b"key")
    reached, go = processes.event(), processes.event()
    pause = partial(processes.paused_at, root, "os.rename", reached, go)
    writer = processes.Running(_point, root, "000001", under=[pause])
    assert reached.wait(10)
    assert len(_rest(root)) == 1
    FileStore(root).sweep()
    go.set()
    writer.result()
    assert FileStore(root).current("home.cell") == "000001"


def test_a_put_is_not_disturbed_by_the_delete_of_its_last_neighbour(root: Path) -> None:
    """The delete removes the directory as empty; the put makes it again."""
    _put(root, "secrets/acme/old", OLD)
    reached, go = processes.event(), processes.event()
    pause = partial(processes.paused_at, root, "open", reached, go)
    writer = processes.Running(_put, root, "secrets/acme/new", NEW, under=[pause])
    assert reached.wait(10)
    FileStore(root).delete("secrets/acme/old")
    assert not (FileStore(root).base / "secrets/acme").exists()
    go.set()
    writer.result()
    assert FileStore(root).keys("secrets") == ["secrets/acme/new"]


def test_threads_that_put_delete_and_sweep_never_fail(root: Path) -> None:
    """Directories that come and go are nobody's error."""
    errors: list[Exception] = []

    def work(number: int) -> None:
        store, key = FileStore(root), f"webroot/a/b/{number}"
        try:
            for _ in range(40):
                store.put(key, NEW)
                assert store.get(key) == NEW
                store.keys("webroot")
                store.delete(key)
                store.sweep()
        except Exception as error:  # noqa: BLE001 - for the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list((FileStore(root).base / "webroot").iterdir()) == []


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    """So the host's directories, which are never swept, are clean; others' files stay."""
    path = tmp_path / "cell_config.json"
    remains = tmp_path / ".cell_config.json.00000000.picdns-tmp"
    others = tmp_path / ".other.json.00000000.picdns-tmp"
    for file in (remains, others):
        file.write_bytes(b"half")
    atomic.write(path, NEW, mode=0o600)
    assert sorted(tmp_path.iterdir()) == [others, path]


def test_a_write_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    """A directory stands where the file should be: one error, and nothing else changed."""
    (tmp_path / "file").mkdir()
    with pytest.raises(StoreError, match="there is a directory where a file should be"):
        atomic.write(tmp_path / "file", NEW, mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_directory_that_cannot_be_synced_is_no_error() -> None:
    """Some network file systems answer EINVAL, as /proc does."""
    with pytest.raises(OSError, match="Invalid argument"):
        os.fsync(os.open("/proc/self", os.O_RDONLY))
    atomic.sync_directory(Path("/proc/self"))
