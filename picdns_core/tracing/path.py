"""The path of one name, from the question to the service behind it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from picdns_core.errors import ProviderUnavailable
from picdns_core.model import Addresses
from picdns_core.store.published import PublishedAddresses
from picdns_core.tracing import dns, reach, serving
from picdns_core.tracing.address import address_leg
from picdns_core.tracing.later import Deadline, ask
from picdns_core.tracing.legs import Leg, Trace, good, note, wrong
from picdns_core.tracing.subject import Subject, introduce, recognise

if TYPE_CHECKING:
    from concurrent.futures import Future

    from picdns_core.address.finding import Finding
    from picdns_core.job import Job
    from picdns_core.lookup.survey import Survey
    from picdns_core.store.published import Published

_PATIENCE = 9.0  # seconds for all questions together, but those to ports
_PATIENCE_AT_PORTS = 5.0
_MOST_ADDRESSES = 4


def trace(job: Job, text: str) -> Trace:
    """Follow a name, asking all that is on its way; it takes no lock and changes nothing.

    ConfigError when it can be no name, Cancelled.
    """
    subject = recognise(job, text)
    legs = tuple(_Path(job, subject).legs())
    return Trace(
        asked=text,
        name=subject.name,
        kind=subject.kind,
        service=subject.service.name if subject.service else None,
        well=all(one.state != "wrong" for one in legs),
        legs=legs,
    )


class _Path:
    """All questions about one name, which are asked side by side."""

    def __init__(self, job: Job, subject: Subject) -> None:
        self._job = job
        self._subject = subject
        self._deadline = Deadline(_PATIENCE)
        probe, name = job.deployment.probe, subject.name
        looked_up = subject.is_public or (subject.kind == "foreign")
        self._inside = ask(lambda: dns.ask_inside(job, subject))
        self._survey = ask(self._look_outside) if looked_up else None
        self._published: Published | None = None
        if job.mode.publishes_addresses:
            self._published = PublishedAddresses(job.store).load(job.mode.name, job.cell.domain)
        known = self._published.expected if self._published else Addresses()
        self._finding: Future[Finding] | None = None
        if subject.is_public:
            finder = job.finder
            self._finding = ask(lambda: finder.find(known))
        self._leaf = ask(lambda: serving.leaf_at(probe, name)) if subject.want else None
        self._reason = ask(lambda: serving.verify(probe, name)) if self._leaf and probe else None

    def legs(self) -> Iterator[Leg]:
        """Tell what was found, in the order in which a client comes by."""
        job, subject = self._job, self._subject
        service = subject.service
        upstream = ask(lambda: reach.upstream_leg(job, service)) if service else None
        yield introduce(job, subject)
        yield dns.inside_leg(job, subject, self._deadline.await_(self._inside))
        yield from self._outside()
        yield from self._certificate()
        if service and upstream:
            yield self._deadline.await_(upstream) or wrong(
                "upstream",
                f"{service.name} at {service.upstream} does not answer in time",
                f"See whether {service.name} runs, and correct its upstream in `services`.",
            )

    def _look_outside(self) -> Survey | ProviderUnavailable:
        try:
            return self._job.lookup.survey(self._subject.name)
        except ProviderUnavailable as error:
            return error

    def _outside(self) -> Iterator[Leg]:
        job, subject = self._job, self._subject
        if self._survey is None:
            where = "below .cell" if subject.name.endswith(".cell") else f"in mode {job.mode.name}"
            yield good("outside", f"Nothing, as it should be: names {where} exist inside alone")
            return
        survey = self._deadline.await_(self._survey)
        finding = self._deadline.await_(self._finding) if self._finding else None
        if isinstance(survey, ProviderUnavailable):
            yield wrong("outside", survey.message.rstrip("."), survey.hint)
            survey = None
        else:
            yield dns.outside_leg(job, subject, survey, finding, self._published)
        if not subject.is_public:
            return
        yield address_leg(job, finding, self._published)
        if survey and subject.kind in ("service", "domain"):
            yield from self._ports(survey)

    def _ports(self, survey: Survey) -> Iterator[Leg]:
        """Knock where public DNS leads; a CDN would answer itself."""
        if dns.leads_to_a_cdn(survey):
            yield note("port", "A CDN stands before this host: what answers there is not asked")
            return
        subject = self._subject
        addresses = sorted(survey.addresses)[:_MOST_ADDRESSES]
        doors = [
            (scheme, one, port) for scheme, port in reach.ports(self._job) for one in addresses
        ]
        knocks = [ask(partial(reach.knock, *door, subject)) for door in doors]
        deadline = Deadline(_PATIENCE_AT_PORTS)
        for door, outcome in zip(doors, knocks, strict=True):
            yield reach.port_leg(*door, deadline.await_(outcome))

    def _certificate(self) -> Iterator[Leg]:
        job, subject = self._job, self._subject
        if subject.kind == "foreign" or (subject.kind == "unserved" and subject.want is None):
            return
        leaf = self._deadline.await_(self._leaf) if self._leaf else None
        yield serving.served_leg(job, subject, leaf)
        if stored := subject.certificate:
            reason = self._deadline.await_(self._reason) if self._reason else None
            is_served = leaf is not None and not isinstance(leaf, Exception)
            yield serving.issuer_leg(stored)
            yield serving.trust_leg(job, stored, reason if is_served else None)
            yield serving.renewal_leg(job, stored)
