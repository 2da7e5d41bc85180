"""The claim on the cell's name: made, let go of when the cell is renamed, given back."""

import threading
from contextlib import ExitStack

from picdns_core.announcer import Announcer
from picdns_core.errors import (
    AuthenticationFailed,
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
_REFUSALS = (AuthenticationFailed, ConfigError, ForeignName, NameTaken)
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
        if not job.registration:
            self._progress(Step(text="Registering", name=job.cell.domain))
            with job.store.lock("address", f"registering {job.cell.domain}", wait=30):
                if patiently and job.registrations.in_force() != job.mode.name:
                    raise Cancelled(
                        f"{job.cell.domain} was given back meanwhile, so it is not claimed again.",
                        hint="`picdns up` does.",
                    )
                registration = job.registration or self._claim()
            self._announce.registered(job.cell, job.clock.now(), registration)
        if not (patiently and job.failures.postponed(FORMER)):
            self._release_former()

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
        return True

    def _claim(self) -> Registration:
        job = self._job
        before = job.registrations.get(job.mode.name)
        job.registrations.begin(job.cell, job.settings)
        try:
            registration = self._ask()
        except _REFUSALS:
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
        with (claimant := self._job.claimant())["http"]:
            return self._job.provider.register(**claimant)

    def _release_former(self) -> None:
        """Let go of names that the cell had before; what fails is tried again next time."""
        for claim in self._job.registrations.former(self._job.mode.name):
            self._progress(Step(text="Giving the former name back", name=claim.cell.domain))
            try:
                with self._job.store.lock("address", "giving the former name back", wait=30):
                    self._tear_down(claim)
            except PicdnsError as error:
                self._job.failures.postpone(FORMER, error)
                text = f"Not given back yet, which is tried again next time: {error}"
                self._progress(Step(text=text, name=claim.cell.domain))
            else:
                self._job.failures.clear(FORMER)

    def _tear_down(self, claim: Claim) -> None:
        with (by := self._job.holder(claim))["http"]:
            self._job.provider.teardown(**by)
        self._job.registrations.forget(claim)
