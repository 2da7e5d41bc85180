"""The store as files: where they are, who may read them from their first byte, which keys exist."""

import json
import os
import shutil
import stat
from functools import partial
from pathlib import Path

import pytest

from picdns_core import Runner
from picdns_core.errors import ConfigError
from picdns_core.store import FileStore, Lineages
from tests.store import processes
from tests.store.test_lineages import META

# What each part of the base is: directory mode, file mode, whether the group may read it.
_RIGHTS = {
    "certs": (0o750, 0o640, True),
    "webroot": (0o755, 0o644, False),
    "": (0o700, 0o600, False),
}
_PRIVATE = (0o700, 0o600, False)


def _rights(relative: Path, group: int | None) -> tuple[int, int, bool]:
    rights = _RIGHTS.get(relative.parts[0], _PRIVATE)
    return _PRIVATE if rights[2] and group is None else rights


def _tree(base: Path) -> list[Path]:
    return [Path(top, name) for top, dirs, names in os.walk(base) for name in (*dirs, *names)]


def _wrong(base: Path, group: int | None, *, finished: bool = True) -> list[str]:
    """Name what others may do more, or once all is finished also less, than they should."""
    wrong = []
    for path in _tree(base):
        found = path.lstat()
        directory, file, shared = _rights(path.relative_to(base), group)
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode):
            continue
        wanted = directory if stat.S_ISDIR(found.st_mode) else file
        complete = finished or (stat.S_ISREG(found.st_mode) and found.st_size)
        exposed = shared and mode & 0o070 and found.st_gid != group
        if exposed or (mode != wanted if complete else mode & ~wanted):
            wrong.append(f"{path} {mode:o} {found.st_gid} {found.st_size} bytes")
    if finished and stat.S_IMODE(base.stat().st_mode) != 0o711:
        wrong.append(f"the base is {base.stat().st_mode:o}")
    return wrong


def _everything(root: Path, group: int | None) -> None:
    store = FileStore(root, group)
    for key in ("secrets/acme/key", "accounts/ca/key.pem", "failures.json", "webroot/token"):
        for data in (b"first", b"second"):
            store.put(key, data)
    lineages = Lineages(store)
    lineages.begin("home.cell", "000001", b"key")
    lineages.finish("home.cell", "000001", b"chain", META)
    store.point("home.cell", "000001")
    with store.lock("cell", "looking"):
        store.delete("webroot/token")


def _watched(root: Path, group: int | None) -> tuple[int, list[str]]:
    """Do everything, and look at all files before each act; count the looks at half-made files."""
    base, looks, wrong = FileStore(root).base, 0, list[str]()

    def look(act: str) -> None:
        nonlocal looks
        looks += act == "os.rename" and any(path.name.startswith(".") for path in _tree(base))
        wrong.extend(f"before {act}: {one}" for one in _wrong(base, group, finished=False))

    processes.at_each_act(root, look)
    _everything(root, group)
    return looks, wrong + _wrong(base, group)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("grouped", [False, True])
def test_files_have_their_mode_and_group_from_the_first_byte(
    root: Path, group: int, umask: int, *, grouped: bool
) -> None:
    """Whatever the umask is: nothing is ever readable by more than it should be."""
    looks, wrong = processes.run(
        _watched, root, group if grouped else None, under=[partial(os.umask, umask)]
    )
    assert looks >= 12
    assert wrong == []


def _set_group(root: Path, group: int) -> None:
    config = root / "config/api/cell_config.json"
    known = json.loads(config.read_text())
    config.write_text(json.dumps(known | {"picdns": {"files": {"group": group}}}))


_LINEAGE = ["000001", "000001/fullchain.pem", "000001/meta.json", "000001/privkey.pem", "current"]


@pytest.mark.parametrize("grouped", [False, True])
def test_a_cell_that_is_up_is_exactly_these_files(cell: Path, group: int, *, grouped: bool) -> None:
    """The whole tree, each with its mode: keys for us alone, or for the group too."""
    if grouped:
        _set_group(cell, group)
    assert Runner(cell).up().failed == ()
    base = FileStore(cell).base
    expected = ["cell.json", "certs", "history.json", "journal", "locks"]
    expected += ["registrations", "registrations/lan.json"]
    expected += ["secrets", "secrets/ca", "secrets/ca/privkey.pem", "secrets/ca/root.pem"]
    for lineage in ("home.cell", "internal"):
        expected += [f"certs/{lineage}", f"locks/lineage-{lineage}"]
        expected += [f"certs/{lineage}/{one}" for one in _LINEAGE]
    expected += ["locks/address", "locks/cell", "locks/deploy"]
    assert sorted(str(path.relative_to(base)) for path in _tree(base)) == sorted(expected)
    assert _wrong(base, group if grouped else None) == []


@pytest.mark.parametrize("links", ["dropped", "followed"])
def test_a_restored_backup_without_modes_and_links_is_mended_by_up(
    cell: Path, group: int, links: str
) -> None:
    """No new certificate is had for it; the files are as private as before, and live again."""
    _set_group(cell, group)
    Runner(cell).up()
    base, backup = FileStore(cell).base, cell / "backup"
    shutil.move(base, backup)
    shutil.copytree(backup, base, symlinks=links == "dropped", copy_function=shutil.copyfile)
    for path in [base, *_tree(base)]:
        if path.is_symlink():
            path.unlink()
        else:
            os.chown(path, -1, os.getegid())
            path.chmod(0o777 if path.is_dir() else 0o666)
    assert FileStore(cell).current("home.cell") is None

    report = Runner(cell).up()
    assert (report.issued, report.failed, report.deployed) == ((), (), True)
    assert _wrong(base, group) == []
    for lineage in ("home.cell", "internal"):
        assert FileStore(cell).current(lineage) == "000001"
        assert os.readlink(base / "certs" / lineage / "current") == "000001"
    assert not Runner(cell).up().deployed


def test_a_group_that_is_configured_later_gets_what_is_there_already(
    cell: Path, group: int
) -> None:
    """The next `up` lets it in, and one without it locks it out again."""
    Runner(cell).up()
    base = FileStore(cell).base
    assert _wrong(base, None) == []
    _set_group(cell, group)
    Runner(cell).up()
    assert _wrong(base, group) == []
    config = cell / "config/api/cell_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"picdns": {}}))
    Runner(cell).up()
    assert _wrong(base, None) == []


def test_mending_leaves_links_and_what_they_name_alone(store: FileStore, root: Path) -> None:
    """A link that somebody put into the base leads to nobody's modes, nor does a broken one."""
    outside = root / "outside"
    outside.write_bytes(b"")
    outside.chmod(0o644)
    store.put("failures.json", b"{}")
    (store.base / "link").symlink_to(outside)
    (store.base / "broken").symlink_to(root / "nowhere")
    store.sweep()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert sorted(path.name for path in store.base.iterdir()) == ["broken", "failures.json", "link"]


def test_a_group_that_does_not_exist_is_one_clear_error(root: Path) -> None:
    """It names the key of the config."""
    for name in ("no-such-group", "nul\0"):
        with pytest.raises(ConfigError, match=r"picdns\.files\.group: there is no group"):
            FileStore(root, name)


def test_a_group_may_be_given_by_name(root: Path) -> None:
    """As `root` is, which every Linux has."""
    store = FileStore(root, "root")
    if os.geteuid() == 0 or 0 in os.getgroups():
        store.put("certs/home.cell/000001/privkey.pem", b"key")
        found = (store.base / "certs/home.cell/000001/privkey.pem").stat()
        assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 0o640)


_ESCAPES = ["", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/..", "a//b", "a/", "/a", "./a"]
_HIDDEN = [".hidden", "a/.hidden", "~", "*"]
_ODD = ["a\0b", "a\nb", "a\n", "a/b\n", "a b", "ä", "a\\b", "\ud800"]


@pytest.mark.parametrize("key", [*_ESCAPES, *_HIDDEN, *_ODD])
def test_keys_cannot_escape_the_base(store: FileStore, root: Path, key: str) -> None:
    """A key that is not one is refused before anything is touched."""
    for act in (
        lambda: store.put(key, b"data"),
        lambda: store.get(key),
        lambda: store.delete(key),
        lambda: store.keys(key),
        lambda: store.lock(key, "step"),
        lambda: store.point(key, "000001"),
        lambda: store.current(key),
        lambda: store.files("home.cell", key),
    ):
        with pytest.raises(ValueError, match="is not a key"):
            act()
    assert list(root.iterdir()) == []


def test_challenge_tokens_are_keys(store: FileStore) -> None:
    """base64url, which may begin with a hyphen or an underscore."""
    for token in ("-x", "--", "_x", "a-_B9"):
        store.put(f"webroot/{token}", b"answer")
        assert store.get(f"webroot/{token}") == b"answer"
        assert (store.webroot / token).read_bytes() == b"answer"
    assert store.keys("webroot") == sorted(f"webroot/{one}" for one in ("-x", "--", "_x", "a-_B9"))


def test_what_is_put_comes_back_until_it_is_deleted(store: FileStore) -> None:
    """Any bytes, in another store over the same root too; deleting twice is fine."""
    data = bytes(range(256)) * 4096
    assert store.get("deploy/Caddyfile") is None
    store.put("deploy/Caddyfile", data)
    assert FileStore(store.base.parents[2]).get("deploy/Caddyfile") == data
    store.put("deploy/Caddyfile", b"")
    assert store.get("deploy/Caddyfile") == b""
    for _ in range(2):
        store.delete("deploy/Caddyfile")
        assert store.get("deploy/Caddyfile") is None


def test_keys_are_those_below_the_prefix_sorted(store: FileStore) -> None:
    """Without links, foreign files and what is being written; none where there is nothing."""
    for key in ("journal/b.json", "journal/a.json", "certs/x/000001/meta.json", "top.json"):
        store.put(key, b"")
    store.point("x", "000001")
    store.point("x", "000009")
    (store.base / "journal/.a.json.00000000.picdns-tmp").write_bytes(b"half")
    (store.base / "journal/a file").write_bytes(b"foreign")
    assert store.keys("journal") == ["journal/a.json", "journal/b.json"]
    assert store.keys("certs") == ["certs/x/000001/meta.json"]
    assert store.keys("nothing") == []


def test_a_deleted_key_takes_its_empty_directories_with_it(store: FileStore) -> None:
    """The first part stays, as it is the same for all."""
    store.put("certs/x/000001/meta.json", b"")
    store.put("certs/y/000001/meta.json", b"")
    store.delete("certs/x/000001/meta.json")
    assert [path.name for path in (store.base / "certs").iterdir()] == ["y"]
    store.delete("certs/y/000001/meta.json")
    assert list((store.base / "certs").iterdir()) == []


def test_current_moves_and_can_be_none(store: FileStore) -> None:
    """It is a relative link, so that it holds where others see the directory elsewhere."""
    store.put("certs/x/000001/meta.json", b"")
    assert store.current("x") is None
    for generation in ("000001", "000002", "000001"):
        store.point("x", generation)
        assert store.current("x") == os.readlink(store.base / "certs/x/current") == generation
    for _ in range(2):
        store.point("x", None)
        assert store.current("x") is None


def test_a_current_that_names_no_generation_is_none(store: FileStore) -> None:
    """Somebody linked it elsewhere by hand; the next move mends it."""
    store.put("certs/x/000001/meta.json", b"")
    (store.base / "certs/x/current").symlink_to("/etc")
    assert store.current("x") is None
    store.point("x", "000001")
    assert store.current("x") == "000001"
