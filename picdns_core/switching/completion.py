"""A switch completed: the new cell in force, and the config says so."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Self

from msgspec import Struct

from picdns_core.announcer import Announcer
from picdns_core.clock import Clock
from picdns_core.errors import Busy, PicdnsError
from picdns_core.going_live import put_live
from picdns_core.job import Job
from picdns_core.model import Cell, Held, Problem, Registration, Step
from picdns_core.store import Certificate
from picdns_core.store.failures import CELL
from picdns_core.store.published import PublishedAddresses
from picdns_core.store.switches import Switches
from picdns_core.switching import wish
from picdns_core.switching.policy import why_kept
from picdns_core.switching.sides import Sides

News = Callable[[Announcer], None]
"""Tells observers one thing that is so now."""


class Switched(Struct, frozen=True, kw_only=True):
    """What a switch did; without `changes` the cell was so already.

    `issued` are the names of new certificates, `addresses` says in words what was published.
    `released` are names that were given back, `unreleased` says why one was not yet, which is
    tried again. `keeps` is what stays held on purpose. `new_root` says that devices must import
    the internal root again.
    """

    changes: bool
    mode: str
    domain: str
    previous_mode: str
    previous_domain: str
    issued: tuple[tuple[str, ...], ...] = ()
    addresses: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    unreleased: Problem | None = None
    keeps: Held | None = None
    new_root: bool = False

    @classmethod
    def nothing(cls, cell: Cell) -> Self:
        """Say that the cell was so already."""
        return cls(
            changes=False,
            mode=cell.mode,
            domain=cell.domain,
            previous_mode=cell.mode,
            previous_domain=cell.domain,
        )


def complete(sides: Sides, clock: Clock) -> tuple[Switched, list[News]]:
    """Do what is left to do; safe to be done again after a kill, and it asks nobody but Caddy.

    Returns what was done, and what to tell once the lock is free.
    """
    intent, workshop = sides.intent, sides.workshop
    mode, domain = sides.new.mode, sides.new.cell.domain
    workshop.progress(Step(text="Putting the new mode into force", name=domain))
    addresses = PublishedAddresses(sides.real)
    before = addresses.load(mode.name, domain).confirmed.addresses
    claimed = bool(sides.staging.staged(f"registrations/{mode.name}.json"))
    new_root = bool(sides.staging.staged("secrets/ca/root.pem"))
    sides.staging.apply(sides.staging.secrets(workshop.root, mode))
    opened = workshop.opener.as_given(intent.new.cell, intent.new.settings, sides.real)
    new = workshop.open_as(opened, clock)
    _serve_new(sides, new)
    workshop.opener.source.update(lambda raw: wish.apply(intent.change, raw, mode))
    Switches(sides.real).close()
    issued = [one for one in sides.serving_new().certificates if _is_new(sides, one.lineage)]
    published = addresses.load(mode.name, domain).confirmed.addresses
    news: list[News] = []
    if claimed and (now := new.holding.registration):
        news.append(partial(_tell_registered, new.cell, clock, now))
    news += [partial(_tell_issued, new.cell, clock, one) for one in issued]
    if published != before:
        news.append(lambda tell: tell.ip_changed(new.cell, clock.now(), published, before))
    news.append(lambda tell: tell.mode_changed(new.cell, clock.now(), intent.old.cell))
    why = why_kept(intent.old, sides.old.mode, intent.new, mode, release=intent.release)
    held = sides.old.registrations.get(intent.old.cell.mode)
    kept = why and held and intent.old.is_claimed_by(held) and mode.name != held.cell.mode
    switched = Switched(
        changes=True,
        mode=mode.name,
        domain=domain,
        previous_mode=intent.old.cell.mode,
        previous_domain=intent.old.cell.domain,
        issued=tuple(one.meta.names for one in issued),
        keeps=Held.of(intent.old.cell, why) if kept and why else None,
        new_root=new_root,
    )
    return switched, news


def _tell_registered(cell: Cell, clock: Clock, registration: Registration, tell: Announcer) -> None:
    tell.registered(cell, clock.now(), registration)


def _tell_issued(cell: Cell, clock: Clock, certificate: Certificate, tell: Announcer) -> None:
    tell.issued(cell, clock.now(), certificate)


def _serve_new(sides: Sides, new: Job) -> None:
    """Serve only the new one; both are served until that succeeds, which the heartbeat sees to."""
    try:
        put_live(new, sides.workshop.announce, sides.workshop.progress)
    except Busy:
        pass
    except PicdnsError as error:
        new.failures.note(CELL, error)
    with suppress(PicdnsError):
        new.leftovers.tell(new.failures)


def _is_new(sides: Sides, lineage: str) -> bool:
    before, newest = sides.intent.before[lineage], sides.new.lineages.newest(lineage)
    return newest is not None and newest.generation != before.newest
