"""A change of the services, from the config to the servers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from picdns_core import retirement
from picdns_core.clock import Clock
from picdns_core.config import ConfigSource
from picdns_core.errors import Busy, PicdnsError
from picdns_core.job import Job
from picdns_core.model import Cell, Problem, Report, Service
from picdns_core.services.decisions import ServicesChanged, compared, decided, retired_of
from picdns_core.services.edits import Edit, checked, entries, known
from picdns_core.store.failures import CELL
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.retired import Retired
from picdns_core.wanted import Wanted, wanted
from picdns_core.workshop import Workshop

_PATIENCE = 30.0  # seconds to wait for others who are at the same certificates
_NOT_UP = "The cell is not up, so this is all that was done. `picdns up` does the rest."


class Services:
    """The services of one cell, in the config and in force."""

    def __init__(self, workshop: Workshop, source: ConfigSource) -> None:
        self._workshop = workshop
        self._source = source

    def change(self, edit: Edit) -> ServicesChanged:
        """Write the services into the config, and do what follows from it.

        ConfigError names what is wrong with them, and then nothing was changed. What fails later
        is in the result: the config has them, and all others are served as before.
        """
        before, cell = self._write(edit)
        change = compared(before, cell)
        job = self._workshop.open_in_force(Clock.of_host())
        if job is None:
            return replace(change, waiting=_NOT_UP)
        return self._put_into_force(job, before, replace(change, waiting=job.waiting))

    def _write(self, edit: Edit) -> tuple[tuple[Service, ...], Cell]:
        """Return the services before, and the cell with those it has now."""
        claim = self._claim()
        seen: list[tuple[tuple[Service, ...], Cell]] = []

        def change(raw: dict[str, Any]) -> None:
            before = known(raw)
            wished = entries(raw, edit(before))
            if wished != raw.get("services", []):
                raw["services"] = wished
            seen.append((before, checked(raw, claim)))

        self._source.update(change)
        return seen[-1]

    def _claim(self) -> Claim | None:
        """Return the claim of the cell that is in force; None when none is."""
        registrations = Registrations(self._workshop.store())
        mode = registrations.in_force()
        return registrations.get(mode) if mode else None

    def _put_into_force(
        self, job: Job, before: tuple[Service, ...], change: ServicesChanged
    ) -> ServicesChanged:
        retired, report = Retired(job.store).all(), Report()
        had = {one.lineage: job.lineages.newest(one.lineage) for one in job.wants}
        were = wanted(replace(job.cell, services=before), job.mode)
        due: dict[Wanted, str] = {}
        try:
            with job.failures.remembered(CELL):
                marks = retirement.look(job)
                certificates = self._workshop.certificates(job)
                _await_others(job, certificates.due(job.wants))
                due = certificates.due(job.wants)
                news = (one for one in due if one not in were)
                again = (one for one in due if one in were)
                report = certificates.renew(
                    [*news, *(one for one in again if not job.failures.postponed(one.lineage))]
                )
        except PicdnsError as error:
            marks = Retired(job.store).all()
            change = replace(change, unfinished=Problem.of((), error))
        return replace(
            change,
            certificates=(
                *(decided(job, one, had[one.lineage], due, retired) for one in job.wants),
                *retired_of(were, marks),
            ),
            report=report,
        )


def _await_others(job: Job, due: Mapping[Wanted, str]) -> None:
    """Let those end who are at the same certificates, so far as that does not take too long."""
    deadline = time.monotonic() + _PATIENCE
    for want in due:
        left = max(0.0, deadline - time.monotonic())
        with suppress(Busy), job.store.lock(f"lineage-{want.lineage}", "waiting", wait=left):
            pass
