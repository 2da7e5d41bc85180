"""The certificates of a cell, several at a time: what is due, had, put live and told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext

from picdns_core.announcer import Announcer
from picdns_core.errors import Busy, Cancelled, PicdnsError
from picdns_core.going_live import put_live
from picdns_core.hookspecs import Acme
from picdns_core.job import Job
from picdns_core.model import Problem, Progress, Report
from picdns_core.store import Certificate
from picdns_core.wanted import Wanted

_PARALLEL = 8


class Certificates:
    """Gets the certificates of one job; one that fails stops none of the others."""

    def __init__(
        self, job: Job, announce: Announcer, cancel: threading.Event, progress: Progress
    ) -> None:
        self._job = job
        self._announce = announce
        self._cancel = cancel
        self._progress = progress

    def due(self, wants: Sequence[Wanted]) -> list[Wanted]:
        """Return those of which a new one is to be had now."""
        return [one for one in wants if self._job.renewal.why_due(one, self._job.source_of(one))]

    def renew(self, due: Sequence[Wanted], *, force: bool = False) -> Report:
        """Get them, put the newest of all live, tell; `force` gets those that are not due, too."""
        job = self._job
        asks_port_80 = job.mode.needs_port_80 and any(not one.internal for one in due)
        # Caddy must route the challenge before the CA asks for it.
        deployed = asks_port_80 and put_live(job, self._announce, self._progress, reassure=True)
        with job.responder if asks_port_80 else nullcontext():
            results = self._issue(due, force=force)
        job.leftovers.tell(job.failures)
        failed = {one: result for one, result in results.items() if isinstance(result, PicdnsError)}
        for want, error in failed.items():
            if isinstance(error, Busy | Cancelled):
                continue  # no news: somebody else is at it, or the host wanted it so
            self._announce.failed(job.cell, job.clock.now(), want, error)
        deployed = put_live(job, self._announce, self._progress) or deployed
        return Report(
            issued=tuple(want.names for want in due if isinstance(results[want], Certificate)),
            deployed=deployed,
            failed=tuple(Problem.of(want.names, error) for want, error in failed.items()),
        )

    def _issue(
        self, due: Sequence[Wanted], *, force: bool
    ) -> dict[Wanted, Certificate | PicdnsError | None]:
        if not due:
            return {}
        acme = self._orders() if self._job.mode.public else None

        def issue(want: Wanted) -> Certificate | PicdnsError | None:
            return self._issue_one(want, acme, force=force)

        if len(due) == 1:
            return {due[0]: issue(due[0])}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-issue") as pool:
            return dict(zip(due, pool.map(issue, due), strict=True))

    def _issue_one(
        self, want: Wanted, acme: Acme | None, *, force: bool
    ) -> Certificate | PicdnsError | None:
        job = self._job
        ask = job.issuer_of(want, acme)
        try:
            certificate = job.renewal.renew(want, job.source_of(want), ask, force=force)
        except PicdnsError as error:
            if not isinstance(error, Busy | Cancelled):
                job.failures.note(want.lineage, error)
            return error
        job.failures.clear(want.lineage)
        return certificate

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
