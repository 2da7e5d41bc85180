"""The Store as files below `data/api/picdns`."""

import grp
import os
import re
import secrets
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from picdns_core.errors import ConfigError
from picdns_core.model import CertFiles
from picdns_core.store import atomic, locks

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_BASE = Path("data/api/picdns")


class _Access(NamedTuple):
    directory: int
    file: int
    gid: int = -1
    durable: bool = True


class FileStore:
    """State as files; `group` (name or number) may read certificates and their keys."""

    def __init__(self, root: Path, group: str | int | None = None) -> None:
        self.base = root.absolute() / _BASE
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
        self._make(path.parent, access)
        atomic.write(path, data, mode=access.file, gid=access.gid, durable=access.durable)

    def delete(self, key: str) -> None:
        path = self._path(key)
        atomic.remove(path)
        for directory in path.parents:
            if directory.parent == self.base or not _remove_if_empty(directory):
                return

    def keys(self, prefix: str) -> list[str]:
        top = self._path(prefix)
        with atomic.explained(top):
            return sorted(
                str(Path(folder, name).relative_to(self.base))
                for folder, _, names in os.walk(top)
                for name in names
                if _PART.fullmatch(name)
            )

    def point(self, lineage: str, generation: str | None) -> None:
        link = self._path(f"certs/{lineage}/current")
        if generation is None:
            atomic.remove(link)
            return
        temporary = link.with_name(f".current.{secrets.token_hex(4)}.tmp")
        with atomic.explained(link):
            os.symlink(generation, temporary)
            os.replace(temporary, link)
            atomic.sync_directory(link.parent)

    def current(self, lineage: str) -> str | None:
        try:
            return os.readlink(self._path(f"certs/{lineage}/current"))
        except OSError:  # absent, or no link: a backup was restored without links
            return None

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
        with atomic.explained(self.base):
            atomic.sweep(self.base)

    def mend_modes(self) -> None:
        """Give every file the mode it should have: a restored backup may have lost them."""
        for key in self.keys("."):
            access, path = self._access(key), self._path(key)
            with atomic.explained(path):
                _set_mode(path, access.file, access.gid)
                for folder in path.parents:
                    if folder == self.base:
                        break
                    _set_mode(folder, access.directory, access.gid)

    def _make(self, directory: Path, access: _Access) -> None:
        """Create a directory; the base can be passed through but not listed, for the webroot."""
        if directory.is_dir():
            return
        root = self.base.parents[len(_BASE.parts) - 1]
        atomic.make_directories(self.base.parent, below=root, mode=0o755)
        atomic.make_directories(self.base, below=self.base.parent, mode=0o711)
        atomic.make_directories(directory, below=self.base, mode=access.directory, gid=access.gid)

    def _access(self, key: str) -> _Access:
        top = key.partition("/")[0]
        return {"certs": self._shared, "webroot": self._public}.get(top, self._private)

    def _path(self, key: str) -> Path:
        if key != "." and not all(_PART.fullmatch(part) for part in key.split("/")):
            raise ValueError(f"{key!r} is not a key")
        return self.base / key


def _gid(group: str | int | None) -> int:
    if group is None:
        return -1
    try:
        return grp.getgrnam(group).gr_gid if isinstance(group, str) else group
    except KeyError:
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


def _set_mode(path: Path, mode: int, gid: int) -> None:
    found = path.stat()
    if gid not in (-1, found.st_gid):
        os.chown(path, -1, gid)
    if found.st_mode & 0o7777 != mode:
        path.chmod(mode)
