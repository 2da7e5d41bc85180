"""The story: bring a cell up, renew its certificates, say how it is, let its name go."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from picdns_core import names, retirement
from picdns_core.clock import Clock
from picdns_core.config import ConfigSource
from picdns_core.errors import Busy, Cancelled, ConfigError
from picdns_core.going_live import put_live
from picdns_core.hookspecs import Signer
from picdns_core.lookout import Lookout
from picdns_core.model import CertFiles, Progress, Report, Service
from picdns_core.services import Services, ServicesChanged, adding, removing
from picdns_core.store import ConfigFile, Store
from picdns_core.store.failures import CELL
from picdns_core.store.switches import Switches
from picdns_core.wanted import Wanted
from picdns_core.workshop import Workshop

if TYPE_CHECKING:
    from picdns_core.adoption import Adoption
    from picdns_core.doctor import Diagnosis
    from picdns_core.issuing import Reason
    from picdns_core.job import Job
    from picdns_core.status import Status
    from picdns_core.switching import Plan, Switched, Switching
    from picdns_core.switching.availability import Availability
    from picdns_core.tracing import Trace


class Runner:
    """One cell below `root`; every method may be called from any thread.

    `config` is the host's own config manager, else `config/api/cell_config.json`; `store` its
    own place for state, else files; `signer` its own internal CA, else the cell's. `progress`
    hears each step as it begins. `reload_dns` makes CoreDNS read its files again, where
    `picdns.coredns.reload` does not say how.

    Nothing is read, and no thread started, before the first call.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        config: ConfigSource | None = None,
        store: Store | None = None,
        signer: Signer | None = None,
        progress: Progress | None = None,
        reload_dns: Callable[[], None] | None = None,
    ) -> None:
        self._root = Path(root).absolute()
        source = config or ConfigFile(self._root)
        self.workshop = Workshop(self._root, source, store, signer, progress, reload_dns=reload_dns)
        self.lookout = Lookout(self.workshop)
        self._source = source

    def up(self) -> Report:
        """Register, get every certificate that is due, and put them live; twice changes nothing.

        Whatever an earlier process left unfinished is finished or undone first. One
        certificate that fails stops none of the others: it is in the report. Everything that
        concerns all of them raises a PicdnsError. Where the config asks for another mode or name
        than the one in force, the cell is moved there first, as by `switch`.
        """
        self._settle()
        with self.lookout.changing():
            moved = self._switching.move()
        job = self.workshop.open()
        with self.lookout.changing(), job.failures.remembered(CELL):
            job.store.sweep()
            job.renewal.tidy({one.lineage for one in job.wants})
            self.workshop.registrar(job).register()
            job.registrations.enter(job.mode.name)
            job.ticks.believe(job.clock.now())
            retirement.look(job)
            certificates = self.workshop.certificates(job)
            report = certificates.renew(certificates.due(job.wants))
            retirement.drop(job)
            report = self._published(job, report)
            if moved is None:
                return report
            return replace(
                report,
                issued=moved.issued + report.issued,
                deployed=True,
                addresses=moved.addresses + report.addresses,
            )

    def switch(
        self, mode: str, settings: Mapping[str, Any] | None = None, *, release: bool = False
    ) -> Switched:
        """Move the cell to another mode, or to another name in the same one.

        `settings` are the mode's own, its secrets (as text or Secret), `cell_name` and
        `domain_name`; what is not given stays. The new one is registered, gets its certificates
        and is proven served while the old one is, and then takes its place; whatever fails before
        is undone and raised, whatever fails later is done by the heartbeat. `release` gives back
        also what would be kept. Busy while another switch is under way.
        """
        with self.lookout.changing():
            return self._switching.switch(mode, settings or {}, release=release)

    def plan(
        self, mode: str, settings: Mapping[str, Any] | None = None, *, release: bool = False
    ) -> Plan:
        """Say what `switch` would do; asks nobody, and writes nothing."""
        return self._switching.plan(mode, settings or {}, release=release)

    def name_available(self, name: str, mode: str = "pic_ngo") -> Availability:
        """Ask whether a cell could be called so, in a mode that gives names out.

        Waits for the service, for some seconds at most; changes nothing. ConfigError when it can be
        no name.
        """
        from picdns_core.switching.availability import ask

        return ask(self.workshop, mode, name)

    def release(self, mode: str) -> tuple[str, ...]:
        """Give back what is still held in a mode that the cell has left; return the domains.

        ConfigError when the cell is in that mode.
        """
        with self.lookout.changing():
            return self._switching.release(mode)

    def renew(self, name: str | None = None, *, force: bool = False) -> Report:
        """Get the certificates that are due, and put them live.

        `name` limits it to the certificates that carry that name, `force` takes them as due.
        ConfigError when no certificate of this cell carries the name.
        """
        job = self._open()
        wants = _carrying(job, name) if name else job.wants
        with self.lookout.changing(), job.failures.remembered(CELL):
            self.workshop.registrar(job).register()
            certificates = self.workshop.certificates(job)
            return certificates.renew(wants if force else certificates.due(wants), force=force)

    def services(self) -> tuple[Service, ...]:
        """Return the services as they are in force, or configured where the cell is not up."""
        job = self.workshop.open_in_force(Clock.of_host()) or self.workshop.open()
        return job.cell.services

    def services_changed(self, services: Sequence[Service]) -> ServicesChanged:
        """Let these be the services of the cell, all of them, and do what follows from it.

        They are written into the config first. A certificate is had only where none covers the
        new names; that of a service that goes is kept for a day. ConfigError when they cannot be
        the services of this cell, and then nothing was changed; what fails later is in the result.
        """
        self._settle()
        with self.lookout.changing():
            return Services(self.workshop, self._source).change(lambda _: services)

    def add_service(self, service: Service) -> ServicesChanged:
        """Add one beside the others, or give the one of that name another upstream."""
        self._settle()
        with self.lookout.changing():
            return Services(self.workshop, self._source).change(adding(service))

    def remove_service(self, name: str) -> ServicesChanged:
        """Remove one and leave the others; ConfigError when there is none of that name."""
        self._settle()
        with self.lookout.changing():
            return Services(self.workshop, self._source).change(removing(name))

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
        with self.lookout.changing(), job.failures.remembered(CELL):
            job.store.sweep()
            adopter = Adopter(job.store, job.mode.name, job.wants, self.workshop.progress)
            return adopter.adopt(
                found, lambda: put_live(job, self.workshop.announce, self.workshop.progress)
            )

    def teardown(self) -> bool:
        """Give the name back; True when there was something to give back.

        Certificates stay on disk, and what is served stays served until they end.
        """
        self._settle()
        job = self.workshop.open_in_force(Clock.of_host()) or self.workshop.open()
        with self.lookout.changing(), job.failures.remembered(CELL):
            job.registrations.leave(job.mode.name)
            return self.workshop.registrar(job).give_back()

    def rehearse(self) -> Report:
        """Get each certificate from the CA's staging directory once, and throw it away.

        All that an order needs is tried, nothing new is served, and no limit of the CA's real
        directory is touched. ConfigError when the mode asks no CA, or no staging is known.
        """
        if (now := self.workshop.open_in_force(Clock.of_host())) and now.waiting:
            raise ConfigError(
                "domain_mode",
                now.waiting,
                hint="What is in force is rehearsed. `picdns switch` proves a new mode before it "
                "lets the old one go; `picdns switch --plan` says what it would do.",
            )
        job = self.workshop.open_rehearsal()
        with self.lookout.changing():
            self.workshop.registrar(job).register()
            return self.workshop.certificates(job).rehearse()

    def revoke(self, name: str, reason: Reason) -> Report:
        """Revoke the certificates in use that carry the name, and get others at once.

        What is revoked is served until there is another; the heartbeat goes on trying. ConfigError
        when no certificate of the public CA that carries the name is in use.
        """
        job = self._open()
        wants = _carrying(job, name)
        with self.lookout.changing(), job.failures.remembered(CELL):
            certificates = self.workshop.certificates(job)
            certificates.revoke(wants, reason)
            return certificates.renew(certificates.due(wants))

    def is_up(self) -> bool:
        """Say whether `up` has brought the cell up, and nobody has given its name back since."""
        return self.workshop.open_in_force(Clock.of_host()) is not None

    def status(self) -> Status:
        """Return the last look at the cell, by whichever process; looks when there was none yet.

        Waits for no lock, and for nobody's answer once there was a look.
        """
        return self.lookout.status()

    def refresh(self) -> Status:
        """Look at the store, and at what Caddy and CoreDNS answer, and return what is there."""
        return self.lookout.refresh()

    def explain(self, name: str) -> Trace:
        """Follow one name: what is said of it inside and outside, what is served, who trusts it.

        `name` is a service's short name, or any whole name. Everybody on the way is asked, for
        some seconds in all; nothing is changed. ConfigError when it can be no name.
        """
        from picdns_core.tracing import trace

        return trace(self.workshop.open_in_force(Clock.of_host()) or self.workshop.open(), name)

    def doctor(self, *, outside: bool = False) -> Diagnosis:
        """Look for whatever could be wrong, for some seconds; changes nothing, raises nothing.

        In a mode that is not public no packet leaves the host. `outside` has the CA look from
        outside as well, by a rehearsal, which may take minutes.
        """
        from picdns_core.doctor import examine

        return examine(self.workshop, self.rehearse if outside else None)

    def support_bundle(self) -> bytes:
        """Return an archive (tar.gz) with what a helper needs to know, and no secret."""
        from picdns_core.support import bundle

        return bundle(self.workshop, self.doctor())

    def root_certificate(self) -> bytes:
        """Return the internal root that devices must trust, in PEM."""
        return self._open().signer.root_pem()

    def beside(self, progress: Progress) -> Runner:
        """Return one for the same cell whose steps another sink hears, and that stops by itself."""
        twin = copy.copy(self)
        twin.workshop = self.workshop.apart(progress)
        twin.__dict__.pop("_switching", None)  # it works with the workshop of the other
        return twin

    def stop(self) -> None:
        """Make what is under way in other threads end soon, with Cancelled; for good."""
        self.workshop.cancel.set()

    @cached_property
    def _switching(self) -> Switching:
        from picdns_core.switching import Switching

        return Switching(self.workshop)

    def _settle(self) -> None:
        """Bring to its end what a killed process has left of a switch; Busy during one."""
        if Switches(self.workshop.store()).how_far():
            self._switching.settle()

    def _open(self) -> Job:
        """Open the cell as it is in force, else as it is configured; no half switch is left."""
        self._settle()
        job = self.workshop.open_in_force(Clock.of_host())
        if job and job.trouble:
            raise job.trouble
        return job or self.workshop.open()

    def _published(self, job: Job, report: Report) -> Report:
        """Publish the addresses, too; what fails there takes nothing from the certificates."""
        if job.mode.publishes_addresses:
            from picdns_core.keeping import AddressKeeping

            with suppress(Busy, Cancelled):
                done = AddressKeeping(self.workshop)(job, at_once=True)
                return replace(report, addresses=done.did)
        return report


def _carrying(job: Job, name: str) -> list[Wanted]:
    wants = [one for one in job.wants if names.normal(name) in one.names]
    if not wants:
        known = ", ".join(known for one in job.wants for known in one.names)
        raise ConfigError(
            "",
            f"No certificate of this cell carries the name {name}.",
            hint=f"It has: {known}.",
        )
    return wants
