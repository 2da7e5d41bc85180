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
from picdns_core.holding import Holding
from picdns_core.hookspecs import Acme, Signer
from picdns_core.kept import Kept
from picdns_core.leftovers import Leftovers
from picdns_core.model import CertRequest, IssuedCert, Progress
from picdns_core.opening import Opened, Opener
from picdns_core.plugins import Holder
from picdns_core.renewal import Issue, Renewal
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings
from picdns_core.store import Certificate, Lineages
from picdns_core.store.failures import Failures
from picdns_core.store.journal import Journal
from picdns_core.store.registrations import Registrations
from picdns_core.store.secrets import own_secret
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
        self.cell = opened.config.cell
        self.settings = opened.config.settings
        self.picdns = _anchored(opened.config.picdns, root)
        self.holding = Holding(
            root, self.store, self.cell, self.mode, self.settings, self.picdns.http.ca_bundle
        )
        self.wants: list[Wanted] = wanted(self.cell, self.mode)
        self.lineages = kept.one("lineages", self.store, lambda: Lineages(self.store))
        self.journal = Journal(self.store)
        self.failures = Failures(self.store, clock)
        self.registrations = Registrations(self.store)
        self.load = opener.load
        self.leftovers = Leftovers(
            self.store, opener.load, self.holding.holder, lambda: self.lookup, progress
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
        return InternalCA(
            self.store, self.cell, self.clock, self._progress, self.holding.check_in_force
        )

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

    def _sign(self, request: CertRequest) -> IssuedCert:
        self.holding.check_no_switch()
        return self.signer.sign(request)

    def ask_ca(self, certificate: Certificate) -> RenewalInfo | None:
        """Ask the CA when it would have a certificate of its own renewed (RFC 9773)."""
        from picdns_core.issuing import certificate_id

        chain = self.lineages.fullchain(certificate.lineage, certificate.generation)
        identifier = certificate_id(chain) if chain else None
        return self.authority.renewal_info(identifier, self.clock) if identifier else None

    def _ask_provider(self, request: CertRequest, acme: Acme | None) -> IssuedCert:
        self.holding.check_no_switch()
        claim = self.holding.claim()  # with the lineage's lock held, so that it stays
        with (claimant := self.holding.claimant())["http"]:
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
