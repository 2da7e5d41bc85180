"""The certificates of a cell, several at a time: what is due, had, put live and told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from picdns_core.announcer import Announcer
from picdns_core.errors import Busy, Cancelled, ConfigError, PicdnsError
from picdns_core.going_live import put_live
from picdns_core.hookspecs import Acme
from picdns_core.job import Job
from picdns_core.model import Problem, Progress, Report, Step
from picdns_core.renewal import Issue
from picdns_core.store import Certificate
from picdns_core.wanted import Wanted

if TYPE_CHECKING:
    from picdns_core.issuing import Reason

_PARALLEL = 8

Results = dict[Wanted, Certificate | PicdnsError | None]
"""What came of each: None where somebody else had got it meanwhile."""


class Certificates:
    """Gets the certificates of one job; one that fails stops none of the others."""

    def __init__(
        self,
        job: Job,
        newer: Callable[[Job], Job | None],
        announce: Announcer,
        cancel: threading.Event,
        progress: Progress,
    ) -> None:
        """Prepare; `newer` opens the cell again if its services have changed meanwhile."""
        self._job = job
        self._newer = newer
        self._announce = announce
        self._cancel = cancel
        self._progress = progress

    def due(self, wants: Iterable[Wanted]) -> dict[Wanted, str]:
        """Return those of which a new one is to be had now, each with the reason."""
        job = self._job
        left_open = set(job.journal.open_lineages())

        def why(want: Wanted) -> str | None:
            source = job.source_of(want)
            if want.lineage in left_open:
                return job.renewal.why_due(want, source)
            return job.renewal.why_replace(want, job.lineages.glance(want.lineage), source)

        return {want: reason for want in wants if (reason := why(want))}

    def renew(self, due: Collection[Wanted], *, force: bool = False) -> Report:
        """Get them, put the newest of all live, tell; `force` gets those that are not due, too."""
        job = self._job
        with self._answering(due, self._route) as deployed:
            results = self._each(due, partial(job.renewal.renew, force=force))
        job.leftovers.tell(job.failures)
        for want, result in results.items():
            self._note(want, result)
        deployed = put_live(job, self._announce, self._progress) or deployed
        return self._caught_up(_report(results, deployed=deployed))

    def _caught_up(self, report: Report) -> Report:
        """Do the same with the services that came and went meanwhile, whose work this undid."""
        newer = self._newer(self._job)
        if newer is None:
            return report
        after = Certificates(newer, self._newer, self._announce, self._cancel, self._progress)
        due = after.due(newer.wants)
        more = after.renew([one for one in due if not newer.failures.postponed(one.lineage)])
        return Report(
            issued=report.issued + more.issued,
            deployed=report.deployed or more.deployed,
            failed=report.failed + more.failed,
        )

    def obtain(self, route: Callable[[], bool]) -> list[Certificate]:
        """Get all that are due, and put none live; raises what keeps one from being had.

        `route` lets Caddy route the challenges of HTTP-01; true when that changed something.
        """
        job, due = self._job, self.due(self._job.wants)
        with self._answering(due, route):
            results = self._each(due, partial(job.renewal.renew, force=False))
        for result in results.values():
            if isinstance(result, PicdnsError):
                raise result
        return [one for one in results.values() if isinstance(one, Certificate)]

    def revoke(self, wants: Iterable[Wanted], reason: Reason) -> None:
        """Have the CA revoke those in use; that others are to be had is on disk before."""
        from picdns_core.issuing import REASONS

        job = self._job
        current = [job.lineages.current(one.lineage) for one in wants if not one.internal]
        issued = [one for one in current if one and one.meta.source == job.source]
        if not issued:
            raise ConfigError(
                "",
                "No certificate of that name from the public CA is in use, so none was revoked.",
                hint="Certificates of the cell's own CA cannot be revoked: renew them by "
                "`picdns renew --force`.",
            )
        for certificate in issued:
            job.agenda.revoke(certificate)
            self._progress(Step(text="Revoking the certificate", name=certificate.lineage))
            chain = job.lineages.fullchain(certificate.lineage, certificate.generation)
            try:
                job.authority.revoke(chain or b"", REASONS[reason], job.clock)
            except PicdnsError as error:
                if not error.retryable:  # refused: it is as good as it was
                    job.agenda.forget(certificate)
                raise

    def rehearse(self) -> Report:
        """Get each public certificate once, and throw it away."""
        job = self._job
        wants = [one for one in job.wants if not one.internal]
        with self._answering(wants, self._route):
            return _report(self._each(wants, job.renewal.rehearse))

    @contextmanager
    def _answering(self, wants: Collection[Wanted], route: Callable[[], bool]) -> Iterator[bool]:
        """Have port 80 answered while the CA looks there; True when that changed a server."""
        job = self._job
        if not job.mode.needs_port_80 or all(one.internal for one in wants):
            yield False
            return
        deployed = route()
        with job.responder:
            yield deployed

    def _route(self) -> bool:
        """Let Caddy route the challenge before the CA asks for it; True when that changed it."""
        return put_live(self._job, self._announce, self._progress, reassure=True)

    def _each(
        self,
        wants: Collection[Wanted],
        work: Callable[[Wanted, str, Issue], Certificate | None],
    ) -> Results:
        """Do this with each certificate, several at a time."""
        job = self._job
        if not wants:
            return {}
        acme = self._orders() if job.mode.public else None

        def attempt(want: Wanted) -> Certificate | PicdnsError | None:
            try:
                return work(want, job.source_of(want), job.issuer_of(want, acme))
            except PicdnsError as error:
                return error

        if len(wants) == 1:
            return {want: attempt(want) for want in wants}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-issue") as pool:
            return dict(zip(wants, pool.map(attempt, wants), strict=True))

    def _note(self, want: Wanted, result: Certificate | PicdnsError | None) -> None:
        """Keep what failed, with when to try again, and tell; or that it does no more."""
        job = self._job
        if isinstance(result, Busy | Cancelled):
            return  # no news: somebody else is at it, or the host wanted it so
        if not isinstance(result, PicdnsError):
            job.failures.clear(want.lineage)
            return
        again = job.failures.postpone(want.lineage, result)
        self._announce.failed(job.cell, job.clock.now(), want, result, again)

    def _orders(self) -> Acme:
        from picdns_core.issuing import Orders

        job = self._job
        return Orders(
            job.authority,
            job.journal,
            job.responder,
            lambda: job.lookup,
            job.clock,
            self._cancel,
            self._progress,
        )


def _report(results: Results, *, deployed: bool = False) -> Report:
    failed = {one: result for one, result in results.items() if isinstance(result, PicdnsError)}
    return Report(
        issued=tuple(want.names for want, one in results.items() if isinstance(one, Certificate)),
        deployed=deployed,
        failed=tuple(Problem.of(want.names, error) for want, error in failed.items()),
    )
