"""The Store as files below `data/api/picdns`."""

import errno
import grp
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from stat import S_IMODE, S_ISLNK
from typing import NamedTuple

from picdns_core.errors import ConfigError, StoreError
from picdns_core.model import CertFiles
from picdns_core.store import atomic, locks

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_KEY = re.compile(rf"{_PART.pattern}(?:/{_PART.pattern})*")
_BASE = Path("data/api/picdns")
_COARSE = 2_000_000_000  # nanoseconds within which a file system may not tell two changes apart


class _Access(NamedTuple):
    directory: int
    file: int
    gid: int = -1
    durable: bool = True


# Of the base: others may pass through it to the webroot, but not list it.
_THROUGH = _Access(0o711, 0o600)


class FileStore:
    """State as files; `group` (name or number) may read certificates and their keys."""

    def __init__(self, root: Path, group: str | int | None = None) -> None:
        self.base = root.absolute() / _BASE
        self._base = str(self.base)
        gid = _gid(group)
        self._private = _Access(0o700, 0o600)
        self._shared = self._private if gid == -1 else _Access(0o750, 0o640, gid)
        # Challenge answers live for seconds: they need not survive a power cut.
        self._public = _Access(0o755, 0o644, durable=False)

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        with atomic.explained(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def put(self, key: str, data: bytes) -> None:
        access, path = self._access(key), self._path(key)
        for again in reversed(range(100)):
            try:
                self._make(path.parent, access)
                atomic.write(path, data, mode=access.file, gid=access.gid, durable=access.durable)
            except StoreError as error:
                # A `delete` beside it may have taken the directory, empty as it was.
                if not (again and isinstance(error.__cause__, FileNotFoundError)):
                    raise
            else:
                return

    def delete(self, key: str) -> None:
        path, durable = self._path(key), self._access(key).durable
        if os.path.isdir(path):
            for below in self.keys(key):
                atomic.remove(self.base / below, durable=False)
            if _remove_if_empty(path) and durable:
                atomic.sync_directory(path.parent)
        else:
            atomic.remove(path, durable=durable)
        for directory in path.parents:
            if directory.parent == self.base or not _remove_if_empty(directory):
                return

    def keys(self, prefix: str) -> list[str]:
        top = self._path(prefix)
        with atomic.explained(top):
            below = len(f"{self.base}/")
            return sorted(
                f"{folder}/{name}"[below:]
                for folder, _, names in os.walk(top, onerror=_unless_gone)
                for name in names
                if _PART.fullmatch(name) and not os.path.islink(f"{folder}/{name}")
            )

    def stamp(self, key: str) -> int | None:
        try:
            changed = os.stat(self._name(key)).st_mtime_ns
        except OSError:
            return None
        return changed if time.time_ns() - changed > _COARSE else None

    def point(self, lineage: str, generation: str | None) -> None:
        path = self._path(f"certs/{lineage}/current")
        if os.path.isdir(path) and not os.path.islink(
            path
        ):  # a backup was restored with links followed
            from shutil import rmtree

            with atomic.explained(path):
                rmtree(path)
        if generation is None:
            atomic.remove(path)
        else:
            atomic.link(path, generation)

    def current(self, lineage: str) -> str | None:
        path = self._path(f"certs/{lineage}/current")
        with atomic.explained(path):
            try:
                generation = os.readlink(path)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.EINVAL:  # no link: a backup was restored without them
                    return None
                raise
        return generation if _PART.fullmatch(generation) else None

    def files(self, lineage: str, generation: str) -> CertFiles:
        folder = self._path(f"certs/{lineage}/{generation}")
        return CertFiles(
            fullchain=str(folder / "fullchain.pem"), privkey=str(folder / "privkey.pem")
        )

    @property
    def webroot(self) -> Path:
        """Where challenge answers are, one file per token."""
        return self.base / "webroot"

    def lock(self, name: str, step: str, *, wait: float = 0) -> AbstractContextManager[None]:
        path = self._path(f"locks/{name}")
        self._make(path.parent, self._private)
        return locks.hold(path, step, wait)

    def sweep(self) -> None:
        self._mend_modes()
        atomic.sweep(self.base)
        for generation in (self.base / "certs").glob("*/*"):
            _remove_if_empty(generation)

    def strange_modes(self) -> Iterator[tuple[Path, int, int]]:
        """Name what has another mode than it should, with that and the right one; changes none."""
        for path, _, mode in self._modes():
            with suppress(FileNotFoundError):
                found = path.lstat().st_mode
                if not S_ISLNK(found) and S_IMODE(found) != mode:
                    yield path, S_IMODE(found), mode

    def _mend_modes(self) -> None:
        """Give everything the mode it should have: a restored backup may have lost them."""
        for path, access, mode in self._modes():
            _set_mode(path, access, mode)

    def _modes(self) -> Iterator[tuple[Path, _Access, int]]:
        yield self.base, _THROUGH, _THROUGH.directory
        for folder, folders, files in os.walk(self.base):
            for name in filter(_PART.fullmatch, folders + files):
                path = Path(folder, name)
                access = self._access(str(path.relative_to(self.base)))
                yield path, access, access.directory if name in folders else access.file

    def _make(self, directory: Path, access: _Access) -> None:
        """Create a directory, and what is above it."""
        if os.path.isdir(directory):  # unlike Path.is_dir, it is False without permission
            return
        root = self.base.parents[len(_BASE.parts) - 1]
        atomic.make_directories(self.base.parent, below=root, mode=0o755)
        atomic.make_directories(self.base, below=self.base.parent, mode=_THROUGH.directory)
        atomic.make_directories(directory, below=self.base, mode=access.directory, gid=access.gid)

    def _access(self, key: str) -> _Access:
        top = key.partition("/")[0]
        return {"certs": self._shared, "webroot": self._public}.get(top, self._private)

    def _path(self, key: str) -> Path:
        return Path(self._name(key))

    def _name(self, key: str) -> str:
        """Return the path as text: to make a Path takes longer than to ask for it."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key")
        return f"{self._base}/{key}"


def _gid(group: str | int | None) -> int:
    if group is None:
        return -1
    try:
        return grp.getgrnam(group).gr_gid if isinstance(group, str) else group
    except (KeyError, ValueError):
        raise ConfigError(
            "picdns.files.group",
            f"there is no group {group!r} on this host.",
            hint="Name one that exists, or give its number.",
        ) from None


def _remove_if_empty(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:
        return False
    return True


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _set_mode(path: Path, access: _Access, mode: int) -> None:
    with atomic.explained(path), suppress(FileNotFoundError):
        found = path.lstat()
        if S_ISLNK(found.st_mode):
            return
        if access.gid not in (-1, found.st_gid):
            os.chown(path, -1, access.gid)
        if S_IMODE(found.st_mode) != mode:
            path.chmod(mode)
