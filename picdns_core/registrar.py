"""The claim on the cell's name: made, let go of when the cell is renamed, given back."""

import logging
import threading
from contextlib import ExitStack

from picdns_core.announcer import Announcer
from picdns_core.errors import (
    AuthenticationFailed,
    Busy,
    Cancelled,
    ConfigError,
    ForeignName,
    NameTaken,
    PicdnsError,
    RateLimited,
)
from picdns_core.job import Job
from picdns_core.model import Progress, Registration, Step
from picdns_core.store.failures import FORMER
from picdns_core.store.registrations import Claim

# After these nothing was claimed; after all others there is no knowing.
REFUSALS = (AuthenticationFailed, ConfigError, ForeignName, NameTaken)
_log = logging.getLogger(__name__)
_LONGEST_WAIT = 30.0  # seconds that a service may ask for, as until its next one-time code


class Registrar:
    """Registers one cell in one mode.

    A claim is on disk before the service is asked, and stays there until the service has let the
    name go: whoever was killed in between, the next one knows what there may be.
    """

    def __init__(
        self, job: Job, announce: Announcer, cancel: threading.Event, progress: Progress
    ) -> None:
        self._job = job
        self._announce = announce
        self._cancel = cancel
        self._progress = progress

    def register(self, *, patiently: bool = False) -> None:
        """Claim the name, unless that is done; then let go of the one it had before.

        `patiently` leaves the latter for its time where it has failed lately, and claims nothing
        that was given back since: Cancelled.
        """
        job = self._job
        self.claim(patiently=patiently)
        if not (patiently and job.failures.postponed(FORMER)):
            self.give_back_former()

    def claim(self, *, patiently: bool = False, again: bool = False) -> None:
        """Claim the name, unless that is done and need not be done `again`."""
        job = self._job
        if again or not job.holding.registration:
            self._progress(Step(text="Registering", name=job.cell.domain))
            with job.store.lock("address", f"registering {job.cell.domain}", wait=30):
                if patiently and job.registrations.in_force() != job.mode.name:
                    raise Cancelled(
                        f"{job.cell.domain} was given back meanwhile, so it is not claimed again.",
                        hint="`picdns up` does.",
                    )
                known = None if again else job.holding.registration
                registration = known or self._claim()
            self._announce.registered(job.cell, job.clock.now(), registration)

    def give_back(self) -> bool:
        """Give back the name, and those it had before; False when there was nothing.

        Busy while a certificate is being had, which needs the name.
        """
        job, mode = self._job, self._job.mode.name
        current = job.registrations.get(mode)
        claims = [*job.registrations.former(mode), *([current] if current else [])]
        if not claims:
            return False
        with ExitStack() as locks:
            for lineage in {one.lineage for one in job.wants} | job.leftovers.lineages(mode):
                locks.enter_context(job.store.lock(f"lineage-{lineage}", "giving the name back"))
            job.leftovers.remove_all(mode)
            locks.enter_context(job.store.lock("address", "giving the name back"))
            for claim in claims:
                self._progress(Step(text="Giving the name back", name=claim.cell.domain))
                self._tear_down(claim)
            self._forget_what_opens_nothing()
        return True

    def give_back_former(self, mode: str | None = None) -> list[str]:
        """Give back what the cell has let go, in this mode or all; return the domains.

        What fails is tried again next time, and the status says why.
        """
        job, done, failed = self._job, [], None
        for claim in job.registrations.all_former():
            if mode and claim.cell.mode != mode:
                continue
            self._progress(Step(text="Giving the former name back", name=claim.cell.domain))
            try:
                self._give_back(claim)
            except Busy:
                raise
            except PicdnsError as error:
                failed = failed or error
                text = f"Not given back yet, which is tried again: {error}"
                self._progress(Step(text=text, name=claim.cell.domain))
            else:
                if job.load(claim.cell.mode).mode.holds_names:
                    done.append(claim.cell.domain)
        self._forget_what_opens_nothing()
        if failed:
            job.failures.postpone(FORMER, failed)
        elif not job.registrations.all_former():
            job.failures.clear(FORMER)
        return done

    def _forget_what_opens_nothing(self) -> None:
        """Remove secrets of names that were given back."""
        store = self._job.store
        needed = {(one.cell.mode, one.cell.domain) for one in self._job.registrations.all_former()}
        for key in store.keys("secrets/former"):
            _, _, mode, domain, _ = key.split("/")
            if (mode, domain) not in needed:
                store.delete(key)

    def _give_back(self, claim: Claim) -> None:
        job = self._job
        with ExitStack() as locks:
            for lineage in sorted(job.leftovers.lineages_of(claim)):
                locks.enter_context(job.store.lock(f"lineage-{lineage}", "giving a name back"))
            locks.enter_context(job.store.lock("address", "giving a former name back", wait=30))
            try:
                job.leftovers.remove_of(claim)
                self._tear_down(claim)
            except REFUSALS:
                if not claim.pending:
                    raise
                job.registrations.forget(claim)  # never heard, and refused: nothing was claimed

    def _claim(self) -> Registration:
        job = self._job
        before = job.registrations.get(job.mode.name)
        job.registrations.begin(job.cell, job.settings)
        try:
            registration = self._ask()
        except REFUSALS:
            if before is None:
                job.registrations.forget_begun(job.mode.name)
            raise
        except RateLimited as error:
            pause = error.retry_after
            if pause is None or pause > _LONGEST_WAIT:
                raise
            self._progress(Step(text=f"Waiting {pause:.0f} s, as asked", name=job.cell.domain))
            if self._cancel.wait(pause):
                raise Cancelled(
                    "Stopped while registering. What is served stays so.",
                    hint="It goes on next time.",
                ) from None
            registration = self._ask()
        job.registrations.keep(job.cell, job.settings, registration)
        return registration

    def _ask(self) -> Registration:
        with (claimant := self._job.holding.claimant())["http"]:
            return self._job.provider.register(**claimant)

    def _tear_down(self, claim: Claim) -> None:
        provider = self._job.load(claim.cell.mode)
        with (by := self._job.holding.holder(claim, provider.mode))["http"]:
            provider.teardown(**by)
        _log.info(
            "%s is given back",
            claim.cell.domain,
            extra={"event": "given_back", "domain": claim.cell.domain, "mode": claim.cell.mode},
        )
        self._job.registrations.forget(claim)
