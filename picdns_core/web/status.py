"""How the cell is: the routes of the group `status`, and renewal on request."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, url_for
from msgspec import Struct

from picdns_core import names
from picdns_core.clock import Clock
from picdns_core.errors import ConfigError, ProviderUnavailable, RateLimited
from picdns_core.history import History
from picdns_core.runner import Runner
from picdns_core.store import ModeSecrets
from picdns_core.store.jobs import JobRecord
from picdns_core.web.exchange import given, taken
from picdns_core.web.jobs import Jobs

if TYPE_CHECKING:
    from picdns_core.job import Job
    from picdns_core.wanted import Wanted

_EVENTS = 20
_ASKED_TO_WAIT = {RateLimited.__name__, ProviderUnavailable.__name__}


class _Renewal(Struct, frozen=True, forbid_unknown_fields=True):
    name: str | None = None
    force: bool = True


def add_to(blueprint: Blueprint, runner: Runner, jobs: Jobs) -> None:
    """Add the routes."""

    @blueprint.get("/api/caddy/cert-status")
    def cert_status() -> Response:
        status = runner.status()
        wanted = ("mode", "domain", "certificates", "missing", "last_error", "looked_at")
        return given({key: getattr(status, key) for key in wanted})

    @blueprint.post("/api/caddy/cert-renew")
    def cert_renew() -> Response:
        asked = taken(_Renewal)
        job = opened(runner)
        wants = _carrying(job, asked.name)
        for want in wants:
            _check_budget(job, want)
        record = jobs.take(
            "renew", lambda twin: twin.renew(asked.name, force=asked.force), asked.name or ""
        )
        return accepted(record)

    @blueprint.get("/api/domain")
    def domain() -> Response:
        job, status = opened(runner), msgspec.to_builtins(runner.status(), enc_hook=str)
        return given(
            status
            | {
                "cell_name": job.cell.name,
                "settings": msgspec.to_builtins(job.settings, enc_hook=str),
                "has_token": secrets_there(runner, job),
                "events": History(job.store).last(_EVENTS),
                "jobs": [one.id for one in jobs.unfinished()],
            }
        )


def opened(runner: Runner) -> Job:
    """Open the cell as it is in force, else as it is configured."""
    clock = Clock.of_host()
    return runner.workshop.open_in_force(clock) or runner.workshop.open()


def secrets_there(runner: Runner, job: Job) -> dict[str, bool]:
    """Say of each secret of the cell's mode whether it is there; never what it is."""
    kept = ModeSecrets(job.store, runner.workshop.root, job.mode.name, job.mode.secrets)
    return {one.name: kept.get(one.name) is not None for one in job.mode.secrets}


def accepted(record: JobRecord) -> Response:
    """Say that a job was taken on, and where it is followed."""
    return given(record, 202, Location=url_for("picdns.job", job_id=record.id))


def _carrying(job: Job, name: str | None) -> list[Wanted]:
    wants = [one for one in job.wants if name is None or names.normal(name) in one.names]
    if not wants:
        known = ", ".join(known for one in job.wants for known in one.names)
        raise ConfigError(
            "name", "no certificate of this cell carries it.", hint=f"There are: {known}."
        )
    return wants


def _check_budget(job: Job, want: Wanted) -> None:
    """Raise RateLimited where the CA must not be asked now, by what is on disk."""
    if not job.mode.public or want.internal:
        return
    failure, now = job.failures.get(want.lineage), job.clock.now()
    if failure and failure.error in _ASKED_TO_WAIT and failure.retry_at and failure.retry_at > now:
        raise RateLimited(
            failure.message, retry_after=_seconds(now, failure.retry_at), hint=failure.hint
        )
    left = job.authority.budget(job.clock).left(want.lineage, want.names)
    if left.refusal:
        raise left.refusal


def _seconds(now: datetime, then: datetime) -> float:
    return (then - now).total_seconds()
