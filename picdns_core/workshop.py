"""What a Runner, and the heartbeat beside it, work with."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from picdns_core.announcer import Announcer, Silent
from picdns_core.certificates import Certificates
from picdns_core.clock import Clock
from picdns_core.config import ConfigSource
from picdns_core.errors import ConfigError
from picdns_core.history import History
from picdns_core.hookspecs import Signer
from picdns_core.job import Job
from picdns_core.kept import Kept
from picdns_core.model import Progress, Step
from picdns_core.opening import Opened, Opener
from picdns_core.registrar import Registrar
from picdns_core.secret import one_line
from picdns_core.settings import LETS_ENCRYPT, LETS_ENCRYPT_STAGING
from picdns_core.store import Store

_log = logging.getLogger(__name__)


class Workshop:
    """Opens one cell again and again; `cancel` makes what is under way end soon, for good."""

    def __init__(
        self,
        root: Path,
        config: ConfigSource,
        store: Store | None,
        signer: Signer | None,
        progress: Progress | None,
        announce: Announcer | None = None,
        reload_dns: Callable[[], None] | None = None,
    ) -> None:
        self.cancel = threading.Event()
        self.progress = progress or _quiet
        self.announce = announce or Announcer()
        self.root = root
        self._config = config
        self._store = store
        self._signer = signer
        self._reload_dns = reload_dns
        self._kept = Kept()
        self.opener = Opener(root, config, store, self._kept)

    def apart(self, progress: Progress | None = None) -> Workshop:
        """Return one for the same cell and observers that is cancelled on its own."""
        return Workshop(
            self.root,
            self._config,
            self._store,
            self._signer,
            progress or self.progress,
            self.announce,
            self._reload_dns,
        )

    def unheard(self, progress: Progress) -> Workshop:
        """Return one for what may yet be undone: the same cell, and nobody hears of it."""
        twin = Workshop(
            self.root, self._config, self._store, self._signer, progress, Silent(), self._reload_dns
        )
        twin.cancel = self.cancel
        return twin

    def open_as(self, opened: Opened, clock: Clock) -> Job:
        """Open a cell that is neither configured nor in force as it is given."""
        return self._job(opened, clock)

    def open(self) -> Job:
        """Open the cell as it is configured."""
        return self._job(self.opener.as_configured(), Clock.of_host())

    def open_rehearsal(self) -> Job:
        """Open the cell as it is configured, with the CA's staging directory instead of its real.

        ConfigError where there is none.
        """
        opened = self.opener.as_configured()
        if not opened.provider.mode.public:
            raise ConfigError(
                "domain_mode",
                f"{opened.provider.mode.name} asks no public CA, so there is nothing to rehearse.",
                hint="`picdns up` does all there is to do.",
            )
        acme = opened.config.picdns.acme
        known = LETS_ENCRYPT_STAGING if acme.directory == LETS_ENCRYPT else None
        if not (staging := acme.staging or known):
            raise ConfigError(
                "picdns.acme.staging",
                "is not set, and no staging directory of this CA is known.",
                hint="Set it to the URL that the CA names for tests.",
            )
        picdns = replace(opened.config.picdns, acme=replace(acme, directory=staging))
        config = replace(opened.config, picdns=picdns)
        return self._job(opened._replace(config=config), Clock.of_host())

    def open_in_force(self, clock: Clock) -> Job | None:
        """Open the cell as it is kept alive; None when it is not up."""
        opened = self.opener.as_in_force()
        return self._job(opened, clock) if opened else None

    def store(self) -> Store:
        """Return where the state of the cell is."""
        return self.opener.store()

    def certificates(self, job: Job) -> Certificates:
        return Certificates(job, self._newer, self.announce, self.cancel, self.progress)

    def registrar(self, job: Job) -> Registrar:
        return Registrar(job, self.announce, self.cancel, self.progress)

    def _newer(self, job: Job) -> Job | None:
        """Open the same cell again if it has other services now; None if not."""
        with suppress(ConfigError):
            newer = self.open_in_force(job.clock)
            if newer and replace(newer.cell, services=job.cell.services) == job.cell != newer.cell:
                return newer
        return None

    def _job(self, opened: Opened, clock: Clock) -> Job:
        job = Job(
            self.root,
            self.opener,
            opened,
            self._signer,
            clock,
            self.cancel,
            self.progress,
            self._kept,
            self._reload_dns,
        )
        self.announce.configure(lambda: (History(job.store), *job.observers))
        return job


def _quiet(step: Step) -> None:
    text = one_line(step.text)
    _log.debug("%s %s", text, step.name, extra={"event": "step", "about": step.name})
