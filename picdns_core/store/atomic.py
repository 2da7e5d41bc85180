"""Files that appear whole, durable, and with the right mode from their first byte."""

import errno
import fcntl
import os
import pwd
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from picdns_core.errors import StoreError

_TEMPORARY = ".tmp"


def write(
    path: Path, data: bytes, *, mode: int, uid: int = -1, gid: int = -1, durable: bool = True
) -> None:
    """Replace the file by `data`; a reader sees the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_TEMPORARY}")
    with explained(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if (uid, gid) != (-1, -1):
                os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            if durable:
                os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
        if durable:
            sync_directory(path.parent)


def make_directories(path: Path, *, below: Path, mode: int, gid: int = -1) -> None:
    """Create `path` and its missing parents down from `below`, each with this mode."""
    if path == below or path.is_dir():
        return
    make_directories(path.parent, below=below, mode=mode, gid=gid)
    with explained(path):
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
            return
        if gid != -1:
            os.chown(path, -1, gid)
        os.chmod(path, mode)
        sync_directory(path.parent)


def remove(path: Path) -> None:
    """Remove a file, durably; one that is not there is fine."""
    with explained(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove temporary files below a directory whose writers are gone."""
    for path in directory.rglob(f".*{_TEMPORARY}"):
        if path.is_symlink():
            path.unlink(missing_ok=True)
            continue
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system says into what happened and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {_happened(error)}", hint=_mend(error, path)) from error


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _happened(error: OSError) -> str:
    said = {
        errno.ENOSPC: "the disk is full.",
        errno.EDQUOT: "the disk quota is used up.",
        errno.EROFS: "the file system is read-only.",
        errno.EBUSY: "it is mounted as a single file and cannot be replaced.",
        errno.ENOTDIR: "there is a file where a directory should be.",
        errno.EEXIST: "there is a file where a directory should be.",
        errno.EISDIR: "there is a directory where a file should be.",
        errno.EACCES: f"{_user()} is not allowed to.",
        errno.EPERM: f"{_user()} is not allowed to.",
    }
    return said.get(error.errno or 0, f"{error.strerror or error}.")


def _mend(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Nothing was changed and what is served stays so; free some space and try again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Nothing was changed; let {_user()} write to {path.parent}."
    if error.errno == errno.EBUSY:
        return "Mount the directory that holds it instead of the file."
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "Move it away; if it is a mount, mount the directory above it."
    return "Nothing was changed; mend it and try again."


def _user() -> str:
    with suppress(KeyError):
        return f"the user {pwd.getpwuid(os.geteuid()).pw_name}"
    return f"the user {os.geteuid()}"
