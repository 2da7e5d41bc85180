"""Files that were there before ours: kept beside them, as `.orig`."""

import os
from pathlib import Path
from stat import S_IMODE

from picdns_core.model import Progress, Step
from picdns_core.store import atomic


def keep(path: Path, mark: str, progress: Progress) -> Path | None:
    """Keep the file at `path`, unless it begins with our mark, so that ours may replace it.

    Returns where it is kept: `<name>.orig`, or `.orig.2` and so on while that is another file.
    None when there is no file, or it is ours. StoreError when it cannot be kept.
    """
    with atomic.explained(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if data.startswith(mark.encode()):
            return None
        kept, number = path.with_name(f"{path.name}.orig"), 1
        while os.path.lexists(kept):
            if kept.is_file() and kept.read_bytes() == data:
                return kept
            number += 1
            kept = path.with_name(f"{path.name}.orig.{number}")
    progress(Step(text=f"Keeping the file that was there as {kept}"))
    copy(path, kept)
    return kept


def copy(source: Path, target: Path) -> None:
    """Make `target` what `source` is: the same bytes and mode, and for root the same owner."""
    with atomic.explained(source):
        data, found = source.read_bytes(), source.stat()
    uid, gid = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (-1, -1)
    atomic.write(target, data, mode=S_IMODE(found.st_mode), uid=uid, gid=gid)
