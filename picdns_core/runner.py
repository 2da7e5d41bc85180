"""The story: bring a cell up, renew its certificates, say how it is, let its name go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from picdns_core import names
from picdns_core.announcer import Announcer
from picdns_core.clock import Clock
from picdns_core.config import ConfigSource
from picdns_core.errors import Busy, Cancelled, ConfigError, PicdnsError
from picdns_core.going_live import put_live
from picdns_core.hookspecs import Acme, Signer
from picdns_core.job import Job
from picdns_core.model import CertFiles, Problem, Progress, Report, Step
from picdns_core.plugins import Provider, load_mode
from picdns_core.registrar import Registrar
from picdns_core.store import Certificate, ConfigFile, Store
from picdns_core.store.failures import CELL
from picdns_core.wanted import Wanted

if TYPE_CHECKING:
    from picdns_core.adoption import Adoption
    from picdns_core.issuing import Authority
    from picdns_core.status import Status

_PARALLEL = 8
_log = logging.getLogger(__name__)


class Runner:
    """One cell below `root`; every method may be called from any thread.

    `config` is the host's own config manager, else `config/api/cell_config.json`; `store` its
    own place for state, else files; `signer` its own internal CA, else the cell's. `progress`
    hears each step as it begins. Nothing is read, and no thread started, before the first call.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        config: ConfigSource | None = None,
        store: Store | None = None,
        signer: Signer | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._root = Path(root).absolute()
        self._config = config or ConfigFile(self._root)
        self._store = store
        self._signer = signer
        self._progress = progress or _quiet
        self._cancel = threading.Event()
        self._guard = threading.Lock()
        self._providers: dict[str, Provider] = {}
        self._authority: Authority | None = None
        self._announce = Announcer()
        self._status: Status | None = None

    def up(self) -> Report:
        """Register, get every certificate that is due, and put them live; twice changes nothing.

        Whatever an earlier process left unfinished is finished or undone first. One
        certificate that fails stops none of the others: it is in the report. Everything that
        concerns all of them raises a PicdnsError.
        """
        job = self._open()
        with self._changing(), job.failures.remembered(CELL):
            job.store.sweep()
            job.renewal.tidy({one.lineage for one in job.wants})
            self._registrar(job).register()
            return self._renew(job, job.wants, force=False)

    def renew(self, name: str | None = None, *, force: bool = False) -> Report:
        """Get the certificates that are due, and put them live.

        `name` limits it to the certificates that carry that name, `force` takes them as due.
        ConfigError when no certificate of this cell carries the name.
        """
        job = self._open()
        wants = [one for one in job.wants if name is None or names.normal(name) in one.names]
        if name is not None and not wants:
            known = ", ".join(known for one in job.wants for known in one.names)
            raise ConfigError(
                "",
                f"No certificate of this cell carries the name {name}.",
                hint=f"It has: {known}.",
            )
        with self._changing(), job.failures.remembered(CELL):
            self._registrar(job).register()
            return self._renew(job, wants, force=force)

    def adopt(self, given: Sequence[CertFiles]) -> Adoption:
        """Serve certificates from elsewhere until `up` has got the cell's own.

        Each becomes the first generation of the certificates of this cell whose names it covers,
        where there is none at all, and is put live; twice changes nothing. CertificateRejected
        when one is not good, or of no use here; DeployFailed when the server does not take it.
        After CaddyDown they wait on disk for the next `up`.
        """
        from picdns_core.adoption import Adopter, assign, read

        job = self._open()
        found = assign(job.wants, [read(files) for files in given])
        with self._changing(), job.failures.remembered(CELL):
            job.store.sweep()
            adopter = Adopter(job.store, job.mode.name, job.wants, self._progress)
            return adopter.adopt(found, lambda: put_live(job, self._announce, self._progress))

    def teardown(self) -> bool:
        """Give the name back; True when there was something to give back.

        Certificates stay on disk, and what is served stays served until they end.
        """
        job = self._open()
        with self._changing(), job.failures.remembered(CELL):
            return self._registrar(job).give_back()

    def status(self) -> Status:
        """Return the last look at the cell, from memory; looks when there was none yet."""
        return self._status or self.refresh()

    def refresh(self) -> Status:
        """Look at the store and at what Caddy serves, and return what is there."""
        from picdns_core.status import look

        job = self._open()
        self._status = look(
            job.cell,
            job.wants,
            job.store,
            job.deployment,
            job.failures,
            job.clock.now(),
            registered=job.registration is not None,
        )
        return self._status

    def root_certificate(self) -> bytes:
        """Return the internal root that devices must trust, in PEM."""
        return self._open().signer.root_pem()

    def stop(self) -> None:
        """Make what is under way in other threads end soon, with Cancelled; for good."""
        self._cancel.set()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Look again afterwards if anybody has asked how the cell is: `status` never waits."""
        try:
            yield
        finally:
            if self._status is not None:
                with suppress(PicdnsError):
                    self.refresh()

    def _open(self, clock: Clock | None = None) -> Job:
        return Job(
            self._root,
            self._config,
            self._config.read(),
            self._load,
            self._store,
            self._signer,
            clock or Clock.of_host(),
            self._cancel,
            self._progress,
        )

    def _load(self, mode: str) -> Provider:
        with self._guard:
            if mode not in self._providers:
                self._providers[mode] = load_mode(mode)
            return self._providers[mode]

    def _registrar(self, job: Job) -> Registrar:
        return Registrar(job, self._announce, self._cancel, self._progress)

    def _renew(self, job: Job, wants: list[Wanted], *, force: bool) -> Report:
        """What is due? Get it, put it live, tell."""
        due = [one for one in wants if force or job.renewal.why_due(one, job.source_of(one))]
        asks_port_80 = job.mode.needs_port_80 and any(not one.internal for one in due)
        # Caddy must route the challenge before the CA asks for it.
        deployed = asks_port_80 and put_live(job, self._announce, self._progress, reassure=True)
        with job.responder if asks_port_80 else nullcontext():
            results = self._issue(job, due, force=force)
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
        self, job: Job, due: list[Wanted], *, force: bool
    ) -> dict[Wanted, Certificate | PicdnsError | None]:
        """Get several certificates at a time; one that fails stops none of the others."""
        if not due:
            return {}
        acme = self._orders(job) if job.mode.public else None

        def issue(want: Wanted) -> Certificate | PicdnsError | None:
            ask = job.issuer_of(want, acme)
            try:
                certificate = job.renewal.renew(want, job.source_of(want), ask, force=force)
            except PicdnsError as error:
                if not isinstance(error, Busy | Cancelled):
                    job.failures.note(want.lineage, error)
                return error
            job.failures.clear(want.lineage)
            return certificate

        if len(due) == 1:
            return {due[0]: issue(due[0])}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-issue") as pool:
            return dict(zip(due, pool.map(issue, due), strict=True))

    def _orders(self, job: Job) -> Acme:
        """Return the way to the CA; its account and connections are kept from call to call."""
        from picdns_core.issuing import Authority, Orders

        with self._guard:
            authority = self._authority
            if authority is None or not authority.is_for(job.picdns.acme, job.eab_key):
                authority = self._authority = Authority(job.store, job.picdns.acme, job.eab_key)
        return Orders(
            authority,
            job.journal,
            job.responder,
            lambda: job.lookup,
            self._cancel,
            self._progress,
        )


def _quiet(step: Step) -> None:
    _log.info("%s %s", step.text, step.name)
