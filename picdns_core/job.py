"""Everything one run over a cell works with, opened from the config as it is now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from picdns_core.agenda import Agenda
from picdns_core.clock import Clock
from picdns_core.errors import Busy, PicdnsError
from picdns_core.hookspecs import Acme, Secrets, Signer
from picdns_core.kept import Kept
from picdns_core.leftovers import Leftovers
from picdns_core.model import CertRequest, DomainMode, IssuedCert, Progress, Registration
from picdns_core.opening import Opened, Opener
from picdns_core.plugins import Claimant, Holder
from picdns_core.renewal import Issue, Renewal
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings
from picdns_core.store import Certificate, Lineages, ModeSecrets
from picdns_core.store.failures import Failures
from picdns_core.store.journal import Journal
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.secrets import FormerSecrets, own_secret
from picdns_core.store.staging import Staging
from picdns_core.store.switches import Switches
from picdns_core.store.ticks import Ticks
from picdns_core.wanted import Wanted, wanted

if TYPE_CHECKING:
    from picdns_core.address import AddressFinder
    from picdns_core.deploy.coredns import SplitHorizon
    from picdns_core.deploy.deployment import Deployment
    from picdns_core.internal_ca import HostCA, InternalCA
    from picdns_core.issuing import Authority, Http01Responder, RenewalInfo
    from picdns_core.lookup import Lookup


class Job:
    """One cell in one mode. What is heavy to load is made when it is first used."""

    def __init__(
        self,
        root: Path,
        opener: Opener,
        opened: Opened,
        signer: Signer | None,
        clock: Clock,
        cancel: threading.Event,
        progress: Progress,
        kept: Kept,
        reload_dns: Callable[[], None] | None = None,
    ) -> None:
        self.clock = clock
        self._kept = kept
        self.waiting = opened.waiting
        self.trouble = opened.trouble
        self.provider = opened.provider
        self.mode = self.provider.mode
        self.store = opened.store
        self._root = root
        self.secrets = self._secrets(self.mode)
        self.cell = opened.config.cell
        self.settings = opened.config.settings
        self.picdns = _anchored(opened.config.picdns, root)
        self.wants: list[Wanted] = wanted(self.cell, self.mode)
        self.lineages = kept.one("lineages", self.store, lambda: Lineages(self.store))
        self.journal = Journal(self.store)
        self.failures = Failures(self.store, clock)
        self.registrations = Registrations(self.store)
        self.load = opener.load
        self.leftovers = Leftovers(
            self.store, opener.load, self.holder, lambda: self.lookup, progress
        )
        self.ticks = Ticks(self.store)
        self.agenda = Agenda(self.store, clock)
        self.renewal = Renewal(
            self.store,
            self.lineages,
            self.mode.name,
            self.picdns.acme.key_type,
            self.leftovers.remove,
            self.agenda,
            clock,
            progress,
        )
        self._given_signer = signer
        self._cancel = cancel
        self._progress = progress
        self._reload_dns = reload_dns

    @property
    def eab_key(self) -> Secret | None:
        return own_secret(self.store, self._root, "picdns.acme.eab.hmac_key")

    @property
    def observers(self) -> tuple[object, ...]:
        """Those of our own that the config asks for."""
        notify, metrics = self.picdns.notify, self.picdns.metrics
        if notify is None and metrics is None:
            return ()
        from picdns_core.observing import configured

        urls = own_secret(self.store, self._root, "picdns.notify.urls") if notify else None
        return self._kept.one(
            "observers", (notify, metrics, urls), lambda: configured(self.picdns, urls)
        )

    @property
    def registration(self) -> Registration | None:
        """What this cell holds in this mode, None when it must be registered first."""
        return self.registrations.matching(self.cell, self.settings)

    def claim(self) -> Claim:
        """Return the claim on the name; an error when it is gone, as after a teardown."""
        claim = self.registrations.get(self.mode.name)
        if claim is None or claim.pending or not claim.is_for(self.cell):
            raise PicdnsError(
                f"{self.cell.domain} was given back meanwhile, so nothing was asked for it.",
                hint="Run `picdns up` to register it again.",
            )
        return claim

    def claimant(self) -> Claimant:
        """Return what each hook is given; the session is for one call."""
        from picdns_core.http import Session

        return Claimant(
            cell=self.cell,
            settings=self.settings,
            http=Session(self.picdns.http.ca_bundle),
            secrets=self.secrets,
        )

    def holder(self, claim: Claim, mode: DomainMode | None = None) -> Holder:
        """Return what hooks are given to act on a claim as it was made, in this mode or another."""
        mode = mode or self.mode
        return Holder(
            cell=claim.cell,
            settings=msgspec.convert(claim.settings, mode.settings),
            http=self.claimant()["http"],
            secrets=self._secrets(mode, claim.cell.domain),
            registration=claim.registration,
        )

    def former_secrets(self, domain: str, mode: DomainMode) -> FormerSecrets:
        """Return the place for what opens a name, once the cell has another in that mode."""
        return FormerSecrets(self.store, self._root, mode, domain)

    def _secrets(self, mode: DomainMode, domain: str | None = None) -> Secrets:
        """Return the secrets of a mode, or of a domain that has its own there."""
        if domain:
            former = self.former_secrets(domain, mode)
            if former.exist():
                return former
        if isinstance(self.store, Staging):
            if mode.name == self.mode.name:
                return self.store.secrets(self._root, mode)
            return ModeSecrets(self.store.real, self._root, mode.name, mode.secrets)
        return ModeSecrets(self.store, self._root, mode.name, mode.secrets)

    def check_in_force(self) -> None:
        """Raise Busy while a switch is changing what is in force, and when one has done so."""
        if isinstance(self.store, Staging):
            return
        self._check_no_switch()
        claim = self.registrations.claim_in_force()
        if claim and not (claim.cell.mode == self.cell.mode and claim.is_for(self.cell)):
            raise Busy(
                f"the cell is {claim.cell.domain} in mode {claim.cell.mode}, and no more "
                f"{self.cell.domain} in mode {self.cell.mode}",
                hint="`picdns up` and `picdns switch` change what it is.",
            )

    @property
    def authority(self) -> Authority:
        """The CA, with the cell's account and open connections."""
        from picdns_core.issuing import Authority

        acme, eab_key = self.picdns.acme, self.eab_key
        return self._kept.one(
            "authority", (acme, eab_key), lambda: Authority(self.store, acme, eab_key)
        )

    @cached_property
    def signer(self) -> InternalCA | HostCA:
        """The host's own CA, or the cell's."""
        from picdns_core.internal_ca import HostCA, InternalCA

        if self._given_signer:
            return HostCA(self._given_signer)
        return InternalCA(self.store, self.cell, self.clock, self._progress, self.check_in_force)

    @cached_property
    def deployment(self) -> Deployment:
        """How certificates go live here; to be used by one thread at a time."""
        from picdns_core.deploy.deployment import Deployment

        caddy = self.picdns.caddy
        if caddy is None:
            return Deployment(self.store)
        if caddy.snippets:
            from picdns_core.deploy.snippets import SnippetsDeployment

            return SnippetsDeployment(self._root, self.store, caddy, self._progress)
        from picdns_core.deploy.live import CaddyDeployment

        return CaddyDeployment(self._root, self.store, caddy, self._progress)

    @cached_property
    def inside(self) -> SplitHorizon | None:
        """What is answered inside the VPN; None where no CoreDNS is configured."""
        coredns = self.picdns.coredns
        if coredns is None:
            return None
        from picdns_core.deploy.coredns import SplitHorizon
        from picdns_core.deploy.reload import reload_by

        reload = self._reload_dns or reload_by(coredns.reload)
        return SplitHorizon(self._root, self.store, coredns, reload, self._progress)

    @property
    def lookup(self) -> Lookup:
        """How public DNS is asked."""
        from picdns_core.lookup import Lookup

        dns, ca_bundle = self.picdns.dns, self.picdns.http.ca_bundle
        return self._kept.one(
            "lookup",
            (dns, ca_bundle),
            lambda: Lookup(dns, ca_bundle=ca_bundle, cancel=self._cancel, progress=self._progress),
        )

    @property
    def finder(self) -> AddressFinder:
        """How the public addresses are found."""
        from picdns_core.address import AddressFinder

        address, ca_bundle = self.picdns.address, self.picdns.http.ca_bundle
        return self._kept.one(
            "finder",
            (address, ca_bundle),
            lambda: AddressFinder(
                address, ca_bundle=ca_bundle, cancel=self._cancel, progress=self._progress
            ),
        )

    @cached_property
    def responder(self) -> Http01Responder:
        from picdns_core.issuing import Http01Responder

        return Http01Responder(
            self.store,
            self.picdns.acme.http_port,
            listen=self.picdns.caddy is None,
            progress=self._progress,
        )

    @property
    def source(self) -> str:
        """Name the public CA as the source of certificates."""
        return f"acme:{self.picdns.acme.directory}"

    def source_of(self, want: Wanted) -> str:
        """Name who issues this certificate, as its meta does."""
        if self.mode.public and not want.internal:
            return self.source
        from picdns_core.trust import fingerprint

        return f"signer:{fingerprint(self.signer.root_pem())}"

    def issuer_of(self, want: Wanted, acme: Acme | None) -> Issue:
        """Return what turns a request for this certificate into a chain."""
        if want.internal:
            return self._sign
        return lambda request: self._ask_provider(request, acme)

    def _check_no_switch(self) -> None:
        """Raise Busy while a switch is under way that this job is no part of."""
        intent = None if isinstance(self.store, Staging) else Switches(self.store).read()
        if intent and intent.phase == "preparing":
            raise Busy(str(intent))

    def _sign(self, request: CertRequest) -> IssuedCert:
        self._check_no_switch()
        return self.signer.sign(request)

    def ask_ca(self, certificate: Certificate) -> RenewalInfo | None:
        """Ask the CA when it would have a certificate of its own renewed (RFC 9773)."""
        from picdns_core.issuing import certificate_id

        chain = self.lineages.fullchain(certificate.lineage, certificate.generation)
        identifier = certificate_id(chain) if chain else None
        return self.authority.renewal_info(identifier, self.clock) if identifier else None

    def _ask_provider(self, request: CertRequest, acme: Acme | None) -> IssuedCert:
        self._check_no_switch()
        claim = self.claim()  # with the lineage's lock held, so that it stays
        with (claimant := self.claimant())["http"]:
            by = Holder(**claimant, registration=claim.registration)
            return self.provider.issue_cert(
                request=request,
                acme=acme,
                publisher=self.provider.publisher(**by),
                signer=self.signer,
                **by,
            )


def _anchored(picdns: PicdnsSettings, root: Path) -> PicdnsSettings:
    """Take relative paths of CA bundles as below the root, like all others."""
    changed = {}
    for section in (picdns.acme, picdns.http):
        if section.ca_bundle:
            bundle = str(root / section.ca_bundle)
            changed[section] = msgspec.structs.replace(section, ca_bundle=bundle)
    return msgspec.structs.replace(
        picdns,
        acme=changed.get(picdns.acme, picdns.acme),
        http=changed.get(picdns.http, picdns.http),
    )
