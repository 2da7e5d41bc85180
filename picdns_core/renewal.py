"""One certificate, from being due to being on disk."""

import logging
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from picdns_core import wanted
from picdns_core.agenda import Agenda
from picdns_core.clock import Clock
from picdns_core.errors import Busy, CertificateRejected
from picdns_core.model import CertRequest, IssuedCert, Progress, Step
from picdns_core.settings import KeyType
from picdns_core.store import Certificate, CertMeta, Lineages, Store
from picdns_core.store.journal import Journal, OrderIntent
from picdns_core.wanted import Wanted

_REHEARSAL = "_rehearsal."  # no name of a host has an underscore

_log = logging.getLogger(__name__)

Issue = Callable[[CertRequest], IssuedCert]
"""Turns a request into a chain."""


class Renewal:
    """Renews certificates of one cell in one mode; used by many threads, one lineage each.

    `withdraw` removes from DNS what killed processes left there for a lineage, and never raises.
    """

    def __init__(
        self,
        store: Store,
        lineages: Lineages,
        mode: str,
        key_type: KeyType,
        withdraw: Callable[[str], None],
        agenda: Agenda,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._store = store
        self._lineages = lineages
        self._journal = Journal(store)
        self._mode = mode
        self._key_type = key_type
        self._withdraw = withdraw
        self._agenda = agenda
        self._clock = clock
        self._progress = progress

    def why_due(self, want: Wanted, source: str) -> str | None:
        """Say why a new certificate is to be had now, None when the newest will do."""
        intent = self._journal.read(want.lineage)
        if intent and intent.order_url:
            return "an order was left open"
        newest = self._lineages.newest(want.lineage)
        return self.why_replace(want, newest, source)

    def why_replace(self, want: Wanted, have: Certificate | None, source: str) -> str | None:
        """Say why another certificate is to be had instead of this one, None when it will do."""
        now = self._clock.now()
        if unfit := wanted.why_unfit(want, have, source, now):
            return unfit
        return self._agenda.why(have) if have and now >= self._agenda.due_at(have) else None

    def renew(self, want: Wanted, source: str, issue: Issue, *, force: bool) -> Certificate | None:
        """Get a new certificate, if one is still due once the lock is ours; else None.

        Busy when somebody else is at it. After an error, or a kill at any line, the next call
        goes on with the same key and, where the CA still knows it, the same order.
        """
        with self._store.lock(f"lineage-{want.lineage}", f"renewing {want.lineage}"):
            self._settle(want.lineage)
            reason = self.why_due(want, source)
            if not force and not reason:
                return None
            before, why = self._lineages.newest(want.lineage), reason or "it was asked for"
            self._progress(Step(text=f"Getting a certificate: {why}", name=want.lineage))
            _log.info(
                "getting the certificate %s: %s",
                want.lineage,
                why,
                extra={"event": "renewal_begun", "lineage": want.lineage, "names": want.names},
            )
            intent = self._begin(want, source)
            request = self._request(intent)
            issued = issue(request)
            try:
                certificate = self._save(intent, request, issued)
            except CertificateRejected:
                _log.info(
                    "what came back for %s is thrown away",
                    want.lineage,
                    extra={"event": "cert_rejected", "lineage": want.lineage},
                )
                self._drop(intent)  # to fetch it again would bring the same
                raise
            self._agenda.renewed(before, certificate)
            self._journal.close(want.lineage)
            return certificate

    def rehearse(self, want: Wanted, source: str, issue: Issue) -> Certificate:
        """Get a certificate and throw it away; whatever happens, the next `tidy` leaves nothing.

        What is returned was never on disk.
        """
        lineage = f"{_REHEARSAL}{want.lineage}"
        with self._store.lock(f"lineage-{lineage}", f"rehearsing {want.lineage}"):
            self._settle(lineage)
            intent = self._begin(replace(want, lineage=lineage), source)
            try:
                self._progress(Step(text="Rehearsing a certificate", name=want.lineage))
                request = self._request(intent)
                meta = self._checked(intent, request, issue(request))
            finally:
                self._settle(lineage)
                self._drop(intent)
        return Certificate(
            lineage=lineage,
            generation=intent.generation,
            meta=meta,
            files=self._store.files(lineage, intent.generation),
        )

    def tidy(self, wanted: set[str]) -> None:
        """Finish or undo what killed processes left; an order that can go on is left to `renew`."""
        for lineage in {*self._journal.open_lineages(), *self._journal.lineages_in_dns()}:
            with suppress(Busy), self._store.lock(f"lineage-{lineage}", f"tidying {lineage}"):
                self._settle(lineage)
                intent = self._journal.read(lineage)
                if intent and not (intent.order_url and lineage in wanted):
                    self._drop(intent)

    def _settle(self, lineage: str) -> None:
        """Finish what a killed process had all but done, and remove its challenge answers."""
        self._withdraw(lineage)
        intent = self._journal.read(lineage)
        if intent is None:
            return
        for token in (intent.probe, *intent.tokens):
            self._store.delete(f"webroot/{token}")
        if self._lineages.get(lineage, intent.generation):
            self._journal.close(lineage)

    def _begin(self, want: Wanted, source: str) -> OrderIntent:
        """Put the intent and the private key on disk, or take up those of an earlier process."""
        intent = self._journal.read(want.lineage)
        if intent is not None:
            wanted_so = (self._mode, want.names, source)
            same = (intent.mode, intent.names, intent.source) == wanted_so
            if same and self._lineages.privkey(want.lineage, intent.generation):
                return intent
            self._drop(intent)
        from secrets import token_urlsafe

        from picdns_core import pem

        generation = self._lineages.next_generation(want.lineage)
        intent = self._journal.write(
            OrderIntent(
                mode=self._mode,
                lineage=want.lineage,
                generation=generation,
                names=want.names,
                source=source,
                probe=token_urlsafe(16),
            )
        )
        key = pem.dump_key(pem.new_key(self._key_type))
        self._lineages.begin(want.lineage, generation, key)
        return intent

    def _drop(self, intent: OrderIntent) -> None:
        self._lineages.discard(intent.lineage, intent.generation)
        self._journal.close(intent.lineage)

    def _request(self, intent: OrderIntent) -> CertRequest:
        from picdns_core import pem

        key = self._lineages.privkey(intent.lineage, intent.generation) or b""
        csr = pem.make_csr(pem.load_key(key), intent.names)
        return CertRequest(
            lineage=intent.lineage,
            names=intent.names,
            csr_pem=csr,
            replaces=self._replaced(intent),
        )

    def _replaced(self, intent: OrderIntent) -> str | None:
        """Return what its CA calls the certificate that this one will renew, if it is its own."""
        newest = self._lineages.newest(intent.lineage)
        if newest is None or newest.meta.source != intent.source:
            return None
        if not intent.source.startswith("acme:"):
            return None
        from picdns_core.issuing import certificate_id

        chain = self._lineages.fullchain(newest.lineage, newest.generation)
        return certificate_id(chain) if chain else None

    def _save(self, intent: OrderIntent, request: CertRequest, issued: IssuedCert) -> Certificate:
        """Complete the generation with what came back."""
        meta = self._checked(intent, request, issued)
        return self._lineages.finish(intent.lineage, intent.generation, issued.fullchain_pem, meta)

    def _checked(self, intent: OrderIntent, request: CertRequest, issued: IssuedCert) -> CertMeta:
        """Look at what came back; CertificateRejected when it is not as it should be."""
        from picdns_core.check import check

        facts = check(request, issued, self._clock.now())
        return CertMeta(
            names=intent.names,
            issuer=facts.issuer,
            serial=facts.serial,
            not_before=facts.not_before,
            not_after=facts.not_after,
            renew_at=wanted.renew_at(facts.not_before, facts.not_after),
            mode=intent.mode,
            source=intent.source,
        )
