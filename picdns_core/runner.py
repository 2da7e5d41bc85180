"""The story: bring a cell up, renew its certificates, say how it is, let its name go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from picdns_core import names
from picdns_core.announcer import Announcer
from picdns_core.certificates import Certificates
from picdns_core.clock import Clock
from picdns_core.config import ConfigSource
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.going_live import put_live
from picdns_core.hookspecs import Signer
from picdns_core.job import Job
from picdns_core.kept import Kept
from picdns_core.model import CertFiles, Progress, Report, Step
from picdns_core.registrar import Registrar
from picdns_core.store import ConfigFile, Store
from picdns_core.store.failures import CELL

if TYPE_CHECKING:
    from picdns_core.adoption import Adoption
    from picdns_core.status import Status

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
        self._kept = Kept()
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
            certificates = self._certificates(job)
            return certificates.renew(certificates.due(job.wants))

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
            certificates = self._certificates(job)
            return certificates.renew(wants if force else certificates.due(wants), force=force)

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
            self._store,
            self._signer,
            clock or Clock.of_host(),
            self._cancel,
            self._progress,
            self._kept,
        )

    def _registrar(self, job: Job) -> Registrar:
        return Registrar(job, self._announce, self._cancel, self._progress)

    def _certificates(self, job: Job) -> Certificates:
        return Certificates(job, self._announce, self._cancel, self._progress)


def _quiet(step: Step) -> None:
    _log.info("%s %s", step.text, step.name)
