"""A cell that is being examined, and the answers that several checks need: each is asked once."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from picdns_core import status
from picdns_core.errors import ProviderUnavailable
from picdns_core.model import Addresses
from picdns_core.store.published import PublishedAddresses
from picdns_core.tracing.later import ask
from picdns_core.tracing.subject import Subject, recognise

if TYPE_CHECKING:
    from picdns_core.address.finding import Finding
    from picdns_core.job import Job
    from picdns_core.lookup.survey import Survey
    from picdns_core.status import Status
    from picdns_core.store.published import Published

_MOST_NAMES = 8


class Patient:
    """One cell; what is asked of it, and of the internet, is under way from the start.

    In a mode that is not public nobody on the internet is asked.
    """

    def __init__(self, root: Path, job: Job) -> None:
        self.root = root
        self.job = job
        self.subjects: tuple[Subject, ...] = ()
        """Names that are in public DNS: those of the services, and the domain where it is served.

        No more than a few; below a wildcard one stands for all.
        """
        self.published: Published | None = None
        self._status = ask(lambda: status.look(job))
        self._surveys: dict[str, Future[Survey]] = {}
        self._finding: Future[Finding] | None = None
        if not job.mode.public:
            return
        self.subjects = tuple(recognise(job, one) for one in _names(job))
        if job.mode.publishes_addresses:
            self.published = PublishedAddresses(job.store).load(job.mode.name, job.cell.domain)
        known, lookup = self.published.expected if self.published else Addresses(), job.lookup
        self._surveys = {one.name: ask(partial(lookup.survey, one.name)) for one in self.subjects}
        if self.looks_for_addresses:
            self._finding = ask(lambda: job.finder.find(known))

    @property
    def looks_for_addresses(self) -> bool:
        """Whether the settings let anybody be asked for the public address."""
        settings = self.job.picdns.address
        return self.job.mode.public and not settings.ipv4 == settings.ipv6 == "off"

    def status(self) -> Status:
        """Return how the cell looks now: its store, Caddy and CoreDNS."""
        return self._status.result()

    def finding(self) -> Finding | None:
        """Return the public addresses of this host; None where nobody is asked."""
        return self._finding.result() if self._finding else None

    def survey(self, subject: Subject) -> Survey:
        """Return what public DNS says of a name; ProviderUnavailable when it does not."""
        return self._surveys[subject.name].result()

    def surveys(self) -> list[tuple[Subject, Survey]]:
        """Return what public DNS says of each name, of those of which it says anything."""
        found = []
        for subject in self.subjects:
            try:
                found.append((subject, self.survey(subject)))
            except ProviderUnavailable:
                continue  # the check of DNS says it
        return found


def _names(job: Job) -> tuple[str, ...]:
    cell = job.cell
    if job.mode.wildcard:
        return (cell.domain, *cell.service_names[:1])
    return cell.service_names[:_MOST_NAMES] or (cell.domain,)
