"""Where a server in a container finds the files that this process writes."""

from collections.abc import Mapping
from pathlib import Path


def as_seen(path: Path | str, root: Path, mounts: Mapping[str, str]) -> str:
    """Return a path of ours, relative to `root` or absolute, as the server sees it.

    `mounts` is what our directories are called there; the longest that fits wins.
    """
    ours = root / path
    found = [
        (root / one, there) for one, there in mounts.items() if ours.is_relative_to(root / one)
    ]
    if not found:
        return str(ours)
    mount, there = max(found, key=lambda one: len(one[0].parts))
    return str(Path(there) / ours.relative_to(mount))
