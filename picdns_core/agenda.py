"""When each certificate is due: by its lifetime, or as its CA would have it (RFC 9773)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from random import SystemRandom
from typing import TYPE_CHECKING

from msgspec.structs import replace

from picdns_core.clock import Clock
from picdns_core.errors import PicdnsError
from picdns_core.store import Certificate, Store
from picdns_core.store.plans import Plan, Plans

if TYPE_CHECKING:
    from picdns_core.issuing import RenewalInfo

REVOKED = "it was revoked"
_SUGGESTED = "the CA suggests it"
_LAST = 0.05  # of a lifetime, in which nothing puts a renewal off
_SPACE = 0.4  # of a lifetime, that is between two renewals which a CA wants early
_AFTER_FAILURE = timedelta(hours=6)  # RFC 9773, section 4.3.3
_NOT_OFFERED = timedelta(days=1)
_LONGEST_WAIT = timedelta(days=2)
_chance = SystemRandom()
_log = logging.getLogger(__name__)

Ask = Callable[[Certificate], "RenewalInfo | None"]
"""Asks the CA of a certificate when it would have it renewed."""


class Agenda:
    """Says when a certificate is due; what was once chosen is kept, and survives a restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._plans = Plans(store)
        self._clock = clock

    def due_at(self, certificate: Certificate) -> datetime:
        """Return when to renew a certificate: as planned, and in its last 5 % regardless.

        A CA that would have every new one renewed at once cannot use up its own limits.
        """
        meta, plan = certificate.meta, self._plan(certificate)
        lifetime = meta.not_after - meta.not_before
        planned = plan.renew_at or meta.renew_at
        if plan.early and plan.why != REVOKED:
            planned = max(planned, meta.not_before + lifetime * _SPACE)
        return min(planned, meta.not_after - lifetime * _LAST)

    def why(self, certificate: Certificate) -> str:
        """Say what `due_at` goes by, in words that go after `renewed because`."""
        plan = self._plan(certificate)
        if plan.renew_at and plan.renew_at <= self.due_at(certificate):
            return plan.why or _SUGGESTED
        return "its time has come"

    def explanation_url(self, certificate: Certificate) -> str | None:
        """Return where the CA says why it would have a certificate renewed earlier than usual."""
        return self._plan(certificate).explanation_url

    def ask_at(self, certificate: Certificate) -> datetime:
        """Return when the CA is to be asked (again)."""
        return self._plan(certificate).ask_at or certificate.meta.not_before

    def look(self, certificates: Iterable[Certificate], ask: Ask) -> None:
        """Ask the CA about those of which it is time to ask, and keep what it says."""
        now = self._clock.now()
        changed = {
            one.lineage: self._answered(self._plan(one), one, ask, now)
            for one in certificates
            if not now < self.ask_at(one) <= now + _LONGEST_WAIT  # longer was of a wrong clock
        }
        if changed:  # somebody may have had one revoked while the CA was asked
            meanwhile = self._plans.all()
            changed = {
                key: _unless_revoked(plan, meanwhile.get(key)) for key, plan in changed.items()
            }
            self._known = self._plans.put(changed)

    def renewed(self, before: Certificate | None, now: Certificate) -> None:
        """Keep that a certificate was renewed early, if the CA wanted it so."""
        if before is None or self._plan(before).why != _SUGGESTED:
            return
        if self._clock.now() < before.meta.renew_at:
            plan = Plan(serial=now.meta.serial, early=True)
            self._known = self._plans.put({now.lineage: plan})

    def revoke(self, certificate: Certificate) -> None:
        """Plan to renew a certificate at once, since it is being revoked."""
        plan = Plan(serial=certificate.meta.serial, renew_at=self._clock.now(), why=REVOKED)
        self._known = self._plans.put({certificate.lineage: plan})

    def forget(self, certificate: Certificate) -> None:
        """Let the lifetime decide again, until the CA is asked anew."""
        plan = Plan(serial=certificate.meta.serial)
        self._known = self._plans.put({certificate.lineage: plan})

    def drop(self, lineage: str) -> None:
        """Forget what was planned for a lineage that is gone."""
        self._known = self._plans.drop(lineage)

    @cached_property
    def _known(self) -> Mapping[str, Plan]:
        return self._plans.all()

    def _plan(self, certificate: Certificate) -> Plan:
        plan = self._known.get(certificate.lineage)
        if plan is None or plan.serial != certificate.meta.serial:
            return Plan(serial=certificate.meta.serial)
        return plan

    def _answered(self, plan: Plan, certificate: Certificate, ask: Ask, now: datetime) -> Plan:
        """Return the plan as it is after the CA was asked; a time once chosen stays if it can."""
        try:
            info = ask(certificate)
        except PicdnsError as error:
            _log.info(
                "no renewal information for %s: %s",
                certificate.lineage,
                error,
                extra={"event": "renewal_info_failed", "lineage": certificate.lineage},
            )
            return replace(plan, ask_at=now + _AFTER_FAILURE)
        if plan.why == REVOKED:
            return replace(plan, ask_at=now + _NOT_OFFERED)
        if info is None:
            return Plan(serial=plan.serial, early=plan.early, ask_at=now + _NOT_OFFERED)
        ask_at = now + timedelta(seconds=info.retry_after)
        if info.start >= certificate.meta.not_after:  # it cannot be meant
            return Plan(serial=plan.serial, early=plan.early, ask_at=ask_at)
        renew_at = plan.renew_at
        if renew_at is None or not info.start <= renew_at <= info.end:
            renew_at = info.start + (info.end - info.start) * _chance.random()
        return replace(
            plan,
            renew_at=renew_at,
            why=_SUGGESTED,
            explanation_url=info.explanation_url,
            ask_at=ask_at,
        )


def _unless_revoked(plan: Plan, meanwhile: Plan | None) -> Plan:
    revoked = meanwhile and meanwhile.serial == plan.serial and meanwhile.why == REVOKED
    return replace(meanwhile, ask_at=plan.ask_at) if meanwhile and revoked else plan
