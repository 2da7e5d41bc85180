"""Files that appear whole, durable, and with the right mode from their first byte."""

import errno
import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from picdns_core.errors import StoreError

_TEMPORARY = ".picdns-tmp"
_FREE_SPACE = "Nothing was changed and what is served stays so; free some space and try again."
_MOVE_AWAY = "Move it away; if it is a mount, mount the directory above it."
_SAID = {
    errno.ENOSPC: ("the disk is full.", _FREE_SPACE),
    errno.EDQUOT: ("the disk quota is used up.", _FREE_SPACE),
    errno.EROFS: (
        "the file system is read-only.",
        "Nothing was changed; mount {parent} so that it can be written.",
    ),
    errno.EACCES: (
        "{user} is not allowed to.",
        "Nothing was changed; let {user} read and write {parent}.",
    ),
    errno.EPERM: (
        "{user} is not allowed to.",
        "Let {user} own {parent} and be in the group that picdns.files.group names.",
    ),
    errno.EBUSY: (
        "it is mounted as a single file and cannot be replaced.",
        "Mount the directory that holds it instead of the file.",
    ),
    errno.ENOENT: (
        "the directory above it does not exist.",
        "Create {parent}, or name the right root.",
    ),
    errno.ENOTDIR: ("there is a file where a directory should be.", _MOVE_AWAY),
    errno.EEXIST: ("there is a file where a directory should be.", _MOVE_AWAY),
    errno.EISDIR: ("there is a directory where a file should be.", _MOVE_AWAY),
}


def write(
    path: Path, data: bytes, *, mode: int, uid: int = -1, gid: int = -1, durable: bool = True
) -> None:
    """Replace the file by `data`; a reader sees the old bytes or the new ones."""
    with explained(path):
        temporary, descriptor = _create_beside(path)
        try:
            if (uid, gid) != (-1, -1):
                os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            if durable:
                os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
        if durable:
            sync_directory(path.parent)
        sweep_beside(path)


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, in one move."""
    temporary = _beside(path)
    with explained(path), _opened(path.parent) as directory:
        fcntl.flock(directory, fcntl.LOCK_EX)  # a link itself cannot be locked: see `sweep`
        os.symlink(target, temporary)
        try:
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _sync(directory)


def make_directories(path: Path, *, below: Path, mode: int, gid: int = -1) -> None:
    """Create `path` and its missing parents down from `below`, each with this mode."""
    if path == below or os.path.isdir(path):  # unlike Path.is_dir, without permission it is False
        return
    make_directories(path.parent, below=below, mode=mode, gid=gid)
    with explained(path):
        try:
            os.mkdir(path, mode if gid == -1 else 0o700)
        except FileExistsError:
            if os.path.isfile(path):
                raise
            return
        if gid != -1:
            os.chown(path, -1, gid)
        os.chmod(path, mode)
        sync_directory(path.parent)


def remove(path: Path, *, durable: bool = True) -> None:
    """Remove a file; one that is not there is fine."""
    with explained(path), suppress(FileNotFoundError):
        os.unlink(path)
        if durable:
            sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable, where its file system can."""
    with explained(path), _opened(path) as directory:
        _sync(directory)


def sweep(directory: Path) -> None:
    """Remove temporary files and links below a directory whose writers are gone."""
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            if name.startswith(".") and name.endswith(_TEMPORARY):
                _remove_if_abandoned(Path(folder, name))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system says into what happened and what to do."""
    try:
        yield
    except OSError as error:
        otherwise = (f"{error.strerror or error}.", "Nothing was changed; mend it and try again.")
        words = {"user": _user(), "parent": path.parent}
        happened, mend = (said.format(**words) for said in _SAID.get(error.errno or 0, otherwise))
        raise StoreError(f"{path}: {happened}", hint=mend) from error


def _sync(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # said by network file systems that cannot
            raise


def _create_beside(path: Path) -> tuple[Path, int]:
    """Create a temporary file, locked for as long as its writer lives: see `sweep`."""
    while True:
        temporary = _beside(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # it was swept before it was locked


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{_TEMPORARY}")


def sweep_beside(path: Path) -> None:
    """Remove what killed writers of the same file left, in directories that nobody sweeps."""
    for name in os.listdir(path.parent):
        if name.startswith(f".{path.name}.") and name.endswith(_TEMPORARY):
            _remove_if_abandoned(path.with_name(name))


def _remove_if_abandoned(path: Path) -> None:
    locked = path.parent if path.is_symlink() else path
    with suppress(OSError), _opened(locked) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _user() -> str:
    with suppress(KeyError):
        return f"the user {pwd.getpwuid(os.geteuid()).pw_name}"
    return f"the user {os.geteuid()}"
