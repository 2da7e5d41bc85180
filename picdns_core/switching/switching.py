"""Moves a cell to another mode or name: the new one is proven before the old one is let go."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from picdns_core import setup
from picdns_core.clock import Clock
from picdns_core.errors import Busy, Cancelled, ConfigError, DamagedState, PicdnsError
from picdns_core.job import Job
from picdns_core.model import Problem
from picdns_core.opening import Opened
from picdns_core.registrar import Registrar
from picdns_core.store import Store
from picdns_core.store.failures import FORMER, SWITCH, Failures
from picdns_core.store.registrations import Registrations
from picdns_core.store.staging import Staging
from picdns_core.store.switches import Before, Side, Switches, SwitchIntent
from picdns_core.switching import plan, wish
from picdns_core.switching.asked import Asked
from picdns_core.switching.completion import News, Switched, complete
from picdns_core.switching.damaged import rebuilt
from picdns_core.switching.plan import Plan
from picdns_core.switching.preparation import Preparation
from picdns_core.switching.sides import Sides
from picdns_core.switching.undoing import undo
from picdns_core.workshop import Workshop

_log = logging.getLogger(__name__)


class Switching:
    """The switches of one cell; at most one is under way, in all processes."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def switch(self, mode: str, settings: Mapping[str, Any], *, release: bool) -> Switched:
        """Move to a mode, or another name in the same; what fails before it serves is undone."""
        with self._alone(f"switching to {mode}"):
            clock = Clock.of_host()
            self._settle(clock)
            if self._workshop.open_in_force(clock) is None:  # takes secrets of the mode in force
                raise _not_up()
            asked = Asked.by(self._workshop.opener, self._workshop.store(), mode, settings)
            switched, news = self._move(asked, clock, release=release)
        return self._conclude(switched, news)

    def move(self) -> Switched | None:
        """Move to what the config describes, where that is another mode or name than in force."""
        claim = Registrations(self._workshop.store()).claim_in_force()
        if claim is None or Asked.configured(self._workshop.opener).is_for(claim):
            return None
        with self._alone("moving to what the config says"):
            clock = Clock.of_host()
            self._settle(clock)
            asked = Asked.configured(self._workshop.opener)
            switched, news = self._move(asked, clock, release=False)
        return self._conclude(switched, news)

    def plan(self, mode: str, settings: Mapping[str, Any], *, release: bool) -> Plan:
        """Say what `switch` would do; asks nobody and writes nothing."""
        clock, opener, store = Clock.of_host(), self._workshop.opener, self._workshop.store()
        claim = Registrations(store).claim_in_force()
        if claim is None:
            raise _not_up()
        asked = Asked.by(opener, store, mode, settings)
        quiet = self._workshop.unheard(lambda _: None)
        old = quiet.open_as(opener.as_given(claim.cell, claim.settings, store), clock)
        new = quiet.open_as(Opened(opener.load(mode), Staging(store), asked.config), clock)
        again = any(new.holding.secrets.get(name) != value for name, value in asked.secrets.items())
        changes = again or not asked.is_as(claim)
        return plan.make(old, new, changes=changes, again=again, release=release)

    def settle(self) -> None:
        """Bring a switch to its end that a killed process has left; Busy while one is under way."""
        if Switches(self._workshop.store()).how_far():
            with self._alone("settling a switch that was cut short"):
                news = self._settle(Clock.of_host())
            self._tell(news)

    def settle_patiently(self, clock: Clock) -> str | None:
        """Do the same at its time, as a tick may; return what stands in the way, None if nothing.

        Busy while a switch is under way.
        """
        how_far = Switches(store := self._workshop.store()).how_far()
        if how_far is None:
            return None
        failures = Failures(store, clock)
        with self._alone("settling a switch that was cut short"):
            if failures.postponed(SWITCH):
                return how_far
            try:
                news = self._settle(clock)
            except PicdnsError as error:
                return error.message
        self._tell(news)
        return None

    def release(self, mode: str) -> tuple[str, ...]:
        """Give back what the cell still holds in a mode that it is not in; return the domains."""
        with self._alone(f"releasing {mode}"):
            clock = Clock.of_host()
            self._settle(clock)
            job = self._workshop.open_in_force(clock) or self._workshop.open()
            claim = job.registrations.get(self._workshop.opener.load(mode).mode.name)
            if claim and job.registrations.in_force() == mode:
                if not job.registrations.former(mode):
                    raise ConfigError(
                        "",
                        f"The cell is in mode {mode}, as {claim.cell.domain}: that is in use.",
                        hint="`picdns switch` moves it to another mode; `picdns teardown` gives "
                        "its name back without another.",
                    )
            elif claim:
                job.registrations.let_go(claim)
        done = self._workshop.registrar(job).give_back_former(mode)
        if left := job.registrations.former(mode):
            failure = job.failures.get(FORMER)
            why = failure.message if failure else "somebody else is at it."
            raise PicdnsError(
                f"{', '.join(one.cell.domain for one in left)} could not be given back: {why}",
                hint="The heartbeat tries it again; `picdns status` says how it is.",
            )
        return tuple(done)

    def _move(self, asked: Asked, clock: Clock, *, release: bool) -> tuple[Switched, list[News]]:
        claim = Registrations(store := self._workshop.store()).claim_in_force()
        if claim is None:
            raise _not_up()
        Staging(store).drop()  # a backup may have brought back what was staged, and no journal
        to, secrets = asked.config, asked.secrets
        new = Side(cell=to.cell, settings=msgspec.to_builtins(to.settings))
        intent = SwitchIntent(
            begun_at=clock.now(),
            old=Side(cell=claim.cell, settings=claim.settings),
            new=new,
            change=asked.change,
            release=release,
        )
        sides = self._sides(intent, clock)
        known = (sides.new.holding.secrets.get(name) == value for name, value in secrets.items())
        if asked.is_as(claim) and all(known):
            mode = sides.new.mode
            self._workshop.opener.source.update(lambda raw: wish.apply(asked.change, raw, mode))
            return Switched.nothing(claim.cell), []
        setup.check_secrets(sides.new.mode, sides.new.holding.secrets, secrets)
        before = {
            one.lineage: Before(
                newest=max(sides.new.lineages.generations(one.lineage), key=int, default=None),
                current=store.current(one.lineage),
            )
            for one in sides.new.wants
        }
        sides = self._sides(Switches(store).write(intent, before=before), clock)
        _log.info(
            "begun: %s",
            sides.intent,
            extra={"event": "switch_begun", "mode": to.cell.mode, "domain": to.cell.domain},
        )
        preparation = Preparation(sides, Switches(store))
        try:
            sides.intent = preparation.run(secrets)
        except BaseException as error:
            self._back_out(sides, clock, give_back=not isinstance(error, Cancelled))
            raise
        switched, news = complete(sides, clock)
        Failures(store, clock).clear(SWITCH)
        return replace(switched, addresses=preparation.addresses), news

    def _back_out(self, sides: Sides, clock: Clock, *, give_back: bool) -> None:
        """Undo what was begun; what does not succeed is on disk, and done later."""
        failures = Failures(sides.real, clock)
        try:
            undo(sides)
        except PicdnsError as error:
            failures.postpone(SWITCH, error)
            return
        failures.clear(SWITCH)
        if give_back:
            with suppress(PicdnsError):
                self._registrar(sides.old).give_back_former()

    def _settle(self, clock: Clock) -> list[News]:
        """Undo or complete what a killed process left, with the lock held."""
        intent = self._left(store := self._workshop.store(), clock)
        if intent is None:
            return []
        failures, news = Failures(store, clock), list[News]()
        try:
            sides = self._sides(intent, clock)
            if intent.phase == "preparing":
                undo(sides)
            else:
                _, news = complete(sides, clock)
        except (Busy, Cancelled):
            raise
        except PicdnsError as error:
            failures.postpone(SWITCH, error)
            raise
        failures.clear(SWITCH)
        return news

    def _left(self, store: Store, clock: Clock) -> SwitchIntent | None:
        """Read what was left; a journal that is damaged stops nobody from renewing."""
        try:
            return Switches(store).read()
        except DamagedState:
            return rebuilt(store, clock)

    def _conclude(self, switched: Switched, news: list[News]) -> Switched:
        """Give back what was let go, and tell; with no lock held."""
        self._tell(news)
        job = self._workshop.open_in_force(Clock.of_host())
        if job is None or not switched.changes:
            return switched
        with suppress(Busy):
            released = tuple(self._registrar(job).give_back_former())
            switched = replace(switched, released=released)
        left = [one.cell.domain for one in job.registrations.all_former()]
        if left and (failure := job.failures.get(FORMER)):
            problem = Problem(
                names=tuple(left),
                error=failure.error,
                message=f"Not given back yet: {', '.join(left)}. {failure.message}",
                hint="The heartbeat tries it again. " + failure.hint,
            )
            switched = replace(switched, unreleased=problem)
        return switched

    def _tell(self, news: list[News]) -> None:
        for one in news:
            one(self._workshop.announce)

    def _sides(self, intent: SwitchIntent, clock: Clock) -> Sides:
        return Sides(self._workshop.unheard(self._workshop.progress), intent, clock)

    def _registrar(self, job: Job) -> Registrar:
        return self._workshop.registrar(job)

    @contextmanager
    def _alone(self, step: str) -> Iterator[None]:
        """Hold the lock of all switches; Busy says how far the other one is."""
        store = self._workshop.store()
        with ExitStack() as locks:
            try:
                locks.enter_context(store.lock("switch", step))
            except Busy:
                raise Busy(Switches(store).how_far() or step) from None
            yield


def _not_up() -> ConfigError:
    return ConfigError(
        "",
        "The cell is not up, so there is nothing to switch from.",
        hint="Run `picdns init` to say what it is to be, then `picdns up`.",
    )
