"""Bad luck: no space, no permission, odd mounts, two at once; nothing is left half done."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from resource import RLIMIT_FSIZE, setrlimit

import pytest

from picdns_core import Busy, Report, Runner
from picdns_core.errors import StoreError
from picdns_core.store import FileStore, Lineages, atomic
from tests.store import processes
from tests.store.test_atomic import NEW, OLD

_KEY = "certs/home.cell/000001/privkey.pem"
_NEXT = "certs/home.cell/000002/privkey.pem"


def _remains(root: Path) -> list[str]:
    """Name the temporary files and links below a root."""
    return [str(path) for path in root.rglob(".*")]


def _failing(root: Path, *acts: Callable[[FileStore], None]) -> list[tuple[str, str]]:
    """Do what must fail, with a disk of old data as it was; return messages and hints."""
    store, said = FileStore(root), []
    for act in acts:
        try:
            act(store)
        except StoreError as error:
            said.append((error.message, error.hint))
    assert len(said) == len(acts)
    assert store.get(_KEY) == OLD
    assert store.keys("certs") == [_KEY]
    assert _remains(root) == []
    return said


def _replace(store: FileStore) -> None:
    store.put(_KEY, NEW * 100)


def _replace_little(store: FileStore) -> None:
    store.put(_KEY, NEW)


def _add(store: FileStore) -> None:
    store.put(_NEXT, NEW * 100)


def _point(store: FileStore) -> None:
    store.point("home.cell", "000002")


def _delete(store: FileStore) -> None:
    store.delete(_KEY)


def _lock(store: FileStore) -> None:
    with store.lock("cell", "trying"):
        pass


def _full_disk(root: Path) -> list[tuple[str, str]]:
    FileStore(root).put(_KEY, OLD)
    said = _failing(root, _replace, _add)
    _replace_little(FileStore(root))  # what fits is still written
    assert FileStore(root).get(_KEY) == NEW
    return said


@pytest.mark.usefixtures("mounts")
def test_a_full_disk_is_one_clear_error(root: Path) -> None:
    """The old bytes stay, and no temporary file takes up what little space there is."""
    disk = partial(processes.tiny_disk, root)
    for message, hint in processes.run(_full_disk, root, under=[disk]):
        assert message.endswith("privkey.pem: the disk is full.")
        assert "free some space" in hint


def _full_of_files(root: Path) -> list[tuple[str, str]]:
    FileStore(root).put(_KEY, OLD)
    FileStore(root).put("failures.json", b"{}")
    with FileStore(root).lock("cell", "a first time"):
        pass
    for number in range(1000):
        try:
            (root / str(number)).touch()
        except OSError:
            break
    said = _failing(root, _replace_little, _add, _point)
    _lock(FileStore(root))  # a lock that was there before can be had
    return said


@pytest.mark.usefixtures("mounts")
def test_a_disk_full_of_files_is_one_clear_error(root: Path) -> None:
    """Space without a place for one more file."""
    disk = partial(processes.tiny_disk, root, "1m", ",nr_inodes=40")
    for message, _ in processes.run(_full_of_files, root, under=[disk]):
        assert message.endswith(": the disk is full.")


def _lock_without_space(root: Path) -> str:
    store = FileStore(root)
    with store.lock("cell", "once"):
        pass
    (store.base / "locks/cell").write_bytes(b"")
    with (root / "rest").open("wb", buffering=0) as rest:
        try:
            while rest.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    with store.lock("cell", "on a full disk"):
        try:
            with store.lock("cell", "too"):
                pass
        except Busy as busy:
            return busy.step
    return "two had it"


@pytest.mark.usefixtures("mounts")
def test_a_lock_is_had_on_a_full_disk(root: Path) -> None:
    """Only who holds it cannot be written down."""
    disk = partial(processes.tiny_disk, root)
    assert processes.run(_lock_without_space, root, under=[disk]) == "another process"


def _limited(root: Path) -> list[tuple[str, str]]:
    FileStore(root).put(_KEY, OLD)
    setrlimit(RLIMIT_FSIZE, (100_000, 100_000))
    return _failing(root, _replace)


def test_a_file_that_is_cut_off_is_one_clear_error(root: Path) -> None:
    """Written in part, and then refused: the part is gone."""
    ((message, hint),) = processes.run(_limited, root)
    assert message.endswith("privkey.pem: File too large.")
    assert hint.startswith("Nothing was changed")


def test_a_read_only_disk_is_one_clear_error(root: Path, mounts: None) -> None:
    """Reading goes on."""
    FileStore(root).put(_KEY, OLD)
    disk = partial(processes.read_only, root)
    acts = (_replace_little, _add, _point, _delete, _lock)
    for message, hint in processes.run(_failing, root, *acts, under=[disk]):
        assert message.endswith(": the file system is read-only.")
        assert "mount" in hint


def test_a_directory_of_somebody_else_is_one_clear_error(
    ordinary: tuple[Path, processes.Under],
) -> None:
    """It names who may not, and where; reading goes on."""
    root, user = ordinary
    processes.run(_put_old, root, under=user)
    for path in (root / "data/api/picdns/certs").rglob("*"):
        if path.is_dir():
            path.chmod(0o500)
    for path in (root / "data/api/picdns", root / "data/api/picdns/certs"):
        path.chmod(0o500)
    acts = (_replace_little, _add, _point, _delete, _lock)
    for message, hint in processes.run(_failing, root, *acts, under=user):
        assert message.startswith(f"{root}/data/api/picdns")
        assert message.endswith(" is not allowed to.")
        assert hint.startswith("Nothing was changed; let the user ")
    for path in [root / "data/api/picdns", *(root / "data/api/picdns").rglob("*")]:
        path.chmod(0o700)


def _put_old(root: Path) -> None:
    FileStore(root).put(_KEY, OLD)


def _everything_fails(root: Path) -> Counter[str]:
    store = FileStore(root)
    acts: list[Callable[[], object]] = [
        lambda: store.get(_KEY),
        lambda: store.keys("certs"),
        lambda: store.current("home.cell"),
        lambda: Lineages(store).newest("home.cell"),
        store.sweep,
        *(partial(act, store) for act in (_replace_little, _add, _point, _delete, _lock)),
    ]
    said = Counter[str]()
    for act in acts:
        try:
            act()
        except StoreError as error:
            said[error.message.rpartition(": ")[2]] += 1
    return said


@pytest.mark.parametrize("closed", ["data", "data/api"])
def test_a_store_that_may_not_be_entered_is_not_an_empty_one(
    ordinary: tuple[Path, processes.Under], closed: str
) -> None:
    """Else a certificate would be had anew each time: all that is asked is one clear error."""
    root, user = ordinary
    processes.run(_put_old, root, under=user)
    (root / closed).chmod(0)
    said = processes.run(_everything_fails, root, under=user)
    (root / closed).chmod(0o700)
    assert sum(said.values()) == 10
    assert len(said) == 1
    assert next(iter(said)).endswith(" is not allowed to.")


def _read_after_sweep(root: Path) -> bytes | None:
    FileStore(root).sweep()
    return FileStore(root).get(_KEY)


def test_modes_that_shut_out_their_owner_are_mended(
    ordinary: tuple[Path, processes.Under],
) -> None:
    """As a restored backup may have them: what is ours is opened again, from the top."""
    root, user = ordinary
    processes.run(_put_old, root, under=user)
    base = root / "data/api/picdns"
    for path in sorted([base, *base.rglob("*")], reverse=True):
        path.chmod(0)
    assert processes.run(_read_after_sweep, root, under=user) == OLD


def _shut(root: Path, group: int) -> str:
    try:
        FileStore(root, group).put(_KEY, NEW)
    except StoreError as error:
        assert FileStore(root).get(_KEY) is None
        assert _remains(root) == []
        return str(error)
    return ""


def test_a_group_that_this_user_is_not_in_is_one_clear_error(
    ordinary: tuple[Path, processes.Under],
) -> None:
    """No key is written that the wrong group could read."""
    root, user = ordinary
    said = processes.run(_shut, root, 54321, under=user)
    assert "is not allowed to. Let the user" in said
    assert "picdns.files.group" in said


@pytest.mark.parametrize("place", ["data", "data/api", "data/api/picdns", "data/api/picdns/certs"])
def test_a_file_where_a_directory_should_be_is_one_clear_error(root: Path, place: str) -> None:
    """It names the file, which stays."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a file")
    store = FileStore(root)
    for act in (_replace_little, _lock) if place != "data/api/picdns/certs" else (_replace_little,):
        with pytest.raises(StoreError) as error:
            act(store)
        assert error.value.message.startswith(f"{path}")
        assert error.value.message.endswith("there is a file where a directory should be.")
        assert error.value.hint.startswith("Move it away")
    assert path.read_bytes() == b"a file"


def test_a_directory_where_a_file_should_be_is_one_clear_error(store: FileStore) -> None:
    """As container hosts make when they are to mount a file that is not there."""
    (store.base / "failures.json").mkdir(parents=True)
    for act in (store.get, partial(store.put, data=b"{}")):
        with pytest.raises(StoreError, match="there is a directory where a file should be"):
            act("failures.json")
    assert [path.name for path in store.base.iterdir()] == ["failures.json"]


def test_a_root_that_does_not_exist_is_one_clear_error(root: Path) -> None:
    """It is not made: it may be a disk that is not mounted."""
    with pytest.raises(StoreError, match=r"does not exist\. Create .*missing") as error:
        FileStore(root / "missing").put(_KEY, NEW)
    assert error.value.retryable is False
    assert not (root / "missing").exists()


def _write_mounted(path: Path) -> tuple[str, str, bytes]:
    try:
        atomic.write(path, NEW, mode=0o600)
    except StoreError as error:
        return error.message, error.hint, path.read_bytes()
    return "", "", b""


@pytest.mark.usefixtures("mounts")
def test_a_file_that_is_mounted_alone_is_one_clear_error(root: Path) -> None:
    """It cannot be replaced in one move, so it is left as it is."""
    path = root / "cell_config.json"
    path.write_bytes(OLD)
    mount = partial(processes.mounted_alone, path)
    message, hint, data = processes.run(_write_mounted, path, under=[mount])
    assert message == f"{path}: it is mounted as a single file and cannot be replaced."
    assert hint == "Mount the directory that holds it instead of the file."
    assert data == OLD
    assert [one.name for one in root.iterdir()] == ["cell_config.json"]


def _up(root: Path, *, force: bool) -> Counter[str]:
    """Bring the cell up, and say how that ended."""
    try:
        report = Runner(root).renew(force=True) if force else Runner(root).up()
    except Busy:
        return Counter(busy=1)
    assert {problem.error for problem in report.failed} <= {"Busy"}, report
    return Counter(issued=len(report.issued), busy=len(report.failed))


def _up_often(root: Path, times: int, force: bool) -> Counter[str]:  # noqa: FBT001 - another process
    return sum((_up(root, force=force) for _ in range(times)), Counter[str]())


def _look(root: Path, end: threading.Event, found: list[str]) -> None:
    """Look until the end for generations that are live and not whole."""
    store = FileStore(root)
    while not end.is_set():
        for lineage in ("home.cell", "internal"):
            generation = store.current(lineage)
            folder = f"certs/{lineage}/{generation}"
            whole = generation and (
                Lineages(store).get(lineage, generation)
                and b"BEGIN CERTIFICATE" in (store.get(f"{folder}/fullchain.pem") or b"")
                and b"PRIVATE KEY" in (store.get(f"{folder}/privkey.pem") or b"")
            )
            # It may have been renewed, and pruned, while we looked.
            if generation and not whole and store.current(lineage) == generation:
                found.append(f"{folder} is live and not whole")


def _settled(root: Path) -> None:
    """The end state is that of a cell that came up once, undisturbed."""
    report = Runner(root).up()
    assert report.failed == ()
    assert Runner(root).up() == Report()
    store = FileStore(root)
    assert store.keys("journal") == []
    assert _remains(root) == []
    for lineage in ("home.cell", "internal"):
        current = Lineages(store).current(lineage)
        assert current
        assert current == Lineages(store).newest(lineage)
        before = f"{int(current.generation) - 1:06d}"
        there = {path.name for path in Path(current.files.privkey).parents[1].iterdir()}
        assert there - {before} == {current.generation, "current"}


@pytest.mark.parametrize("force", [False, True])
def test_processes_that_bring_a_cell_up_at_once_do_not_disturb_each_other(
    cell: Path, *, force: bool
) -> None:
    """Each succeeds or is told who is at it; what is live is whole at every moment."""
    end, wrong = threading.Event(), list[str]()
    watcher = threading.Thread(target=_look, args=(cell, end, wrong))
    watcher.start()
    running = [processes.Running(_up_often, cell, 6, force) for _ in range(2)]
    did = sum((one.result() for one in running), Counter[str]())
    end.set()
    watcher.join()
    assert wrong == []
    assert did["issued"] >= 2 if force else did["issued"] == 2
    _settled(cell)


@pytest.mark.parametrize("force", [False, True])
def test_threads_that_bring_a_cell_up_at_once_do_not_disturb_each_other(
    cell: Path, *, force: bool
) -> None:
    """Eight of them, on one runner."""
    runner, ended = Runner(cell), list[Report | Exception]()

    def work() -> None:
        try:
            ended.append(runner.renew(force=True) if force else runner.up())
        except Exception as error:  # noqa: BLE001 - for the assertions below
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports = [one for one in ended if isinstance(one, Report)]
    assert [one for one in ended if not isinstance(one, Report | Busy)] == []
    assert {problem.error for one in reports for problem in one.failed} <= {"Busy"}
    issued = Counter(names for one in reports for names in one.issued)
    assert len(issued) == 2
    assert force or set(issued.values()) == {1}
    _settled(cell)
