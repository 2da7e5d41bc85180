"""What a switch would do, found out without asking anybody or writing anything."""

import msgspec
from msgspec import Struct

from picdns_core.job import Job
from picdns_core.model import Held
from picdns_core.store.switches import Side
from picdns_core.switching.policy import why_kept
from picdns_core.wanted import why_unfit


class Issue(Struct, frozen=True, kw_only=True):
    """A certificate that would be had, and from whom."""

    names: tuple[str, ...]
    by: str


class Plan(Struct, frozen=True, kw_only=True):
    """What a switch would do.

    `changes` is false where the cell is so already. `registers` is the name that is to be claimed,
    None when it is held already or needs no claim. `reissues_root` says that a new internal root is
    made, which devices must import. `releases` is the name that is given back, `keeps` the one
    that stays held instead; both are None where nobody else knows of the old name.
    """

    changes: bool
    mode: str
    domain: str
    previous_mode: str
    previous_domain: str
    registers: str | None
    issues: tuple[Issue, ...]
    writes: tuple[str, ...]
    releases: str | None
    keeps: Held | None
    reissues_root: bool


def make(old: Job, new: Job, *, changes: bool, again: bool, release: bool) -> Plan:
    """Compare the cell as it is with the cell as it would be; `again` registers in any case."""
    before, after = side_of(old), side_of(new)
    claims = new.mode.public and (again or new.holding.registration is None)
    why = why_kept(before, old.mode, after, new.mode, release=release)
    leaves = changes and (old.mode.name, old.cell.domain) != (new.mode.name, new.cell.domain)
    held = leaves and old.mode.holds_names
    root = not new.signer.has_root()
    return Plan(
        changes=changes,
        mode=new.mode.name,
        domain=new.cell.domain,
        previous_mode=old.mode.name,
        previous_domain=old.cell.domain,
        registers=new.cell.domain if changes and claims else None,
        issues=_issues(new, new_root=root) if changes else (),
        writes=_files(new) if changes else (),
        releases=before.cell.domain if held and not why else None,
        keeps=Held.of(before.cell, why) if held and why else None,
        reissues_root=changes and root,
    )


def side_of(job: Job) -> Side:
    """Return a cell with its settings, as the journal has it."""
    return Side(cell=job.cell, settings=msgspec.to_builtins(job.settings))


def _issues(new: Job, *, new_root: bool) -> tuple[Issue, ...]:
    issues = []
    for want in new.wants:
        public = new.mode.public and not want.internal
        have = new.lineages.newest(want.lineage)
        source = "" if new_root and not public else new.source_of(want)
        if why_unfit(want, have, source, new.clock.now()):
            by = new.picdns.acme.directory if public else "the cell's own CA"
            issues.append(Issue(names=want.names, by=by))
    return tuple(issues)


def _files(new: Job) -> tuple[str, ...]:
    files = ["config/api/cell_config.json"]
    if new.picdns.caddy:
        files.append(new.picdns.caddy.caddyfile)
    if new.picdns.coredns:
        files += [new.picdns.coredns.corefile, new.picdns.coredns.zones]
    return tuple(files)
