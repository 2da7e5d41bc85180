"""Files of others, and edits of ours: kept beside what replaces them, as `.orig`."""

import os
import re
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE

from picdns_core.model import Progress, Step
from picdns_core.store import atomic

_SEAL = re.compile(rb" Checksum: ([0-9a-f]{16})\.\n")


def sealed(mark: str, body: str) -> str:
    """Return the text of a generated file; in its first line is what tells a later edit.

    The seal is in the file itself, so that it holds after a kill, and after a backup of the file
    or of our own state was restored without the other.
    """
    return f"{mark} Checksum: {_checksum(body.encode())}.\n{body}"


def keep(path: Path, mark: str, progress: Progress) -> Path | None:
    """Keep the file at `path`, unless it is as we wrote it, so that ours may replace it.

    Ours begins with `mark`, and is `sealed` with it. Returns where another one is kept:
    `<name>.orig`, or `.orig.2` and so on while that is another file. None when there is no file,
    or it is ours. StoreError when it cannot be kept.
    """
    with atomic.explained(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        generated = data.startswith(mark.encode())
        if generated and _is_untouched(data[len(mark.encode()) :]):
            return None
        kept, number = path.with_name(f"{path.name}.orig"), 1
        while os.path.lexists(kept):
            if kept.is_file() and kept.read_bytes() == data:
                return kept
            number += 1
            kept = path.with_name(f"{path.name}.orig.{number}")
    progress(
        Step(
            text=f"Keeping {path}, which was edited by hand, as {kept}"
            if generated
            else f"Keeping the file that was there as {kept}"
        )
    )
    copy(path, kept)
    return kept


def is_untouched(path: Path, mark: str) -> bool:
    """Say whether the file at `path` is as we wrote it; one that is not there is not."""
    with atomic.explained(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return False
    return data.startswith(mark.encode()) and _is_untouched(data[len(mark.encode()) :])


def copy(source: Path, target: Path) -> None:
    """Make `target` what `source` is: the same bytes and mode, and for root the same owner."""
    with atomic.explained(source):
        data, found = source.read_bytes(), source.stat()
    uid, gid = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (-1, -1)
    atomic.write(target, data, mode=S_IMODE(found.st_mode), uid=uid, gid=gid)


def _is_untouched(rest: bytes) -> bool:
    """Say whether what follows the mark is as it was sealed; an older picdns did not seal."""
    seal = _SEAL.match(rest)
    if seal is None:
        return rest.startswith(b"\n")
    return seal[1].decode() == _checksum(rest[seal.end() :])


def _checksum(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]
