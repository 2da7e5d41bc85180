"""What is on disk: space, modes and owners, and whether servers see the files where we say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from picdns_core.doctor.diagnosis import bad, good
from picdns_core.model import Finding
from picdns_core.store import FileStore

if TYPE_CHECKING:
    from picdns_core.doctor.patient import Patient

_LEAST_BYTES = 50 * 2**20  # a renewal needs some kilobytes; logs of others fill what is left
_LEAST_FILES = 1000
_MEGABYTE = 2**20
_EXAMPLES = 3


def disk(root: Path) -> Iterator[Finding]:
    """Whether state can be written: space, room for files, and no read-only file system."""
    there = next(one for one in (root, *root.parents) if one.exists())
    found = os.statvfs(there)
    free, files = found.f_bavail * found.f_frsize, found.f_favail
    evidence = f"{free // _MEGABYTE} MB free at {there}"
    if found.f_flag & os.ST_RDONLY:
        text = f"The file system of {there} is read-only: nothing can be renewed or published"
        mend = "Mount it so that it can be written. If it became so by itself, the disk may be "
        yield bad("disk", text, f"{mend}failing: look at `dmesg`.", evidence)
    elif free < _LEAST_BYTES:
        text = f"The disk is full, or nearly: {free // _MEGABYTE} MB are left for {there}"
        yield bad("disk", text, f"Free some space: `du -xh {there} | sort -h | tail`.", evidence)
    elif found.f_files and files < _LEAST_FILES:
        text = f"The file system of {there} has room for {files} more files"
        mend = f"Remove small files: `du --inodes -x {there} | sort -n | tail` says where they are."
        yield bad("disk", text, mend, evidence)
    else:
        yield good("disk", f"There is space on the disk: {free // _MEGABYTE} MB", evidence)


def modes(patient: Patient) -> Iterator[Finding]:
    """Whether we can write all of our state, and nobody else can read what is secret."""
    store = patient.job.store
    if not isinstance(store, FileStore) or not store.base.exists():
        return
    if foreign := list(islice(_not_ours(store.base), _EXAMPLES)):
        owner, us = store.base.stat().st_uid, os.geteuid()
        yield bad(
            "modes",
            f"This user may not write all of {store.base}: picdns was run as another user once, "
            "or a backup was restored by one",
            f"`sudo chown -R --reference={store.base.parents[1]} {store.base}`, and run picdns "
            "always as that user.",
            f"user {us}, owner {owner}; {', '.join(map(str, foreign))}",
        )
        return
    strange = list(store.strange_modes())
    if open_to_others := [one for one in strange if one[1] & 0o077 & ~one[2]]:
        yield bad(
            "modes",
            f"Other users of this host can read or change files of {store.base} that are not for "
            f"them ({len(open_to_others)}), keys or tokens perhaps among them",
            "`picdns up` gives them the modes they should have. If others could log in to this "
            "host meanwhile, replace what they may have read: `picdns revoke --reason "
            "keyCompromise`, and new tokens.",
            _shown(open_to_others),
        )
    elif strange:
        yield bad(
            "modes",
            f"Files of {store.base} have other modes than they should ({len(strange)}), so that a "
            "server may not read them",
            "`picdns up` gives them the modes they should have.",
            _shown(strange),
        )
    else:
        yield good("modes", f"All of {store.base} is as it should be")


def paths(patient: Patient) -> Iterator[Finding]:
    """Whether all that a server in a container has to read is below a directory it sees."""
    job = patient.job
    root, store = patient.root, job.store
    caddy, coredns = job.picdns.caddy, job.picdns.coredns
    needed: list[tuple[str, Mapping[str, str], list[Path]]] = []
    if caddy and isinstance(store, FileStore):
        needed.append(("caddy", caddy.paths, [store.base / "certs", store.webroot]))
    if coredns:
        needed.append(("coredns", coredns.paths, [root / coredns.corefile, root / coredns.zones]))
    found = [one for server in needed for one in _unseen(root, *server)]
    yield from found
    if not found and any(mapped for _, mapped, _ in needed):
        yield good("paths", "The directories that containers see are there, with all they need")


def _unseen(
    root: Path, server: str, mapped: Mapping[str, str], needed: list[Path]
) -> Iterator[Finding]:
    key = f"picdns.{server}.paths"
    ours = [root / one for one in mapped]
    for directory in ours:
        if not directory.is_dir():
            yield bad(
                "paths",
                f"{key} names {directory}, and there is no such directory here",
                f"Name in {key} directories as this process sees them, each with the path at "
                f"which the container of {server} has it mounted.",
            )
    outside = [one for one in needed if not any(one.is_relative_to(below) for below in ours)]
    if ours and outside:
        yield bad(
            "paths",
            f"{key} does not cover {' and '.join(map(str, outside))}, which {server} has to read",
            f"Mount it into the container of {server}, and add it to {key}.",
            f"it has {', '.join(mapped)}",
        )


def _not_ours(base: Path) -> Iterator[Path]:
    """Find what we may not change, or what another user owns than the rest."""
    owner = base.stat().st_uid
    for folder, folders, files in os.walk(base):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if path.is_symlink():
                continue
            if path.stat().st_uid != owner or not os.access(path, os.W_OK):
                yield path


def _shown(strange: list[tuple[Path, int, int]]) -> str:
    some = strange[:_EXAMPLES]
    return "; ".join(f"{path} is {found:o} and should be {right:o}" for path, found, right in some)
