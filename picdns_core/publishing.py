"""Keeps the public addresses of the cell published: found, sent when need be, and confirmed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from picdns_core.address.due import (
    WEEK,
    Reason,
    Turn,
    confirmed,
    differ,
    due,
    in_words,
    is_repair,
    obstacle,
    words,
)
from picdns_core.address.finding import Finding, Sighting, Verdict
from picdns_core.address.standing import UNKNOWN, Standing, standing
from picdns_core.model import Addresses, Progress, Step
from picdns_core.store.published import (
    Pair,
    Published,
    PublishedAddresses,
    Remark,
    Repair,
    age,
    merged,
)

if TYPE_CHECKING:
    from datetime import datetime

    from picdns_core.address import AddressFinder
    from picdns_core.clock import Clock
    from picdns_core.lookup import Lookup
    from picdns_core.plugins import Holder, Provider
    from picdns_core.store import Store
    from picdns_core.store.registrations import Claim

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.65)
"""Seconds between looks at DNS after an update, some 10 in all."""


class AddressLook(Struct, frozen=True, kw_only=True):
    """What one look at the addresses came to.

    `did` says in words what was done and why, and is empty when there was nothing to do.
    `published` is confirmed. `reason` is why something was sent, None when nothing was.
    `reachable` says whether at least one address was found that leads here, `lacking_since`
    since when none was found at all.
    `settled` is true when this look has seen that all is as it should be; until then a failure
    that was noted before is not made up for.
    """

    did: tuple[str, ...]
    published: Addresses
    reason: Reason | None
    verdicts: tuple[Verdict, ...]
    reachable: bool
    lacking_since: datetime | None
    settled: bool


class AddressKeeper:
    """Looks after the addresses of one cell in one mode, at each tick of the heartbeat.

    `claim` returns the claim on the name, or raises. `changed` is told what is published now, and
    what was before, once that is confirmed; no lock is held then.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        claim: Callable[[], Claim],
        holder: Callable[[Claim], Holder],
        finder: AddressFinder,
        lookup: Lookup,
        clock: Clock,
        changed: Callable[[Addresses, Addresses], None],
        progress: Progress,
        cancel: threading.Event,
    ) -> None:
        self._provider = provider
        self._mode = provider.mode
        self._store = store
        self._kept = PublishedAddresses(store)
        self._claim = claim
        self._holder = holder
        self._finder = finder
        self._lookup = lookup
        self._clock = clock
        self._changed = changed
        self._progress = progress
        self._cancel = cancel

    def keep(self, *, at_once: bool = False) -> AddressLook:
        """Find the addresses, and send them if they changed, are not in DNS, or were sent long ago.

        `at_once` is for somebody who asks for it now: nothing is waited for, and nothing left to
        another cell that publishes there too. Raises Busy while others work on the name,
        AddressDisputed or PropagationTimeout when it is given up for a while, and what the
        provider raises; what is published stays so.
        """
        claim = self._claim()
        before = self._load(claim)
        finding = self._finder.find(before.expected)
        stands = self._stands(before, finding.addresses)
        with self._store.lock("address", "publishing addresses"):
            kept = self._load(claim)
            if kept != before or self._claim() != claim:
                return _look(kept, finding, settled=False)  # others have looked meanwhile
            look, kept = self._act(claim, kept, finding, stands, at_once=at_once)
        if kept.confirmed != before.confirmed:
            self._changed(kept.confirmed.addresses, before.confirmed.addresses)
        return look

    def _load(self, claim: Claim) -> Published:
        return self._kept.load(self._mode.name, claim.cell.domain)

    def _stands(self, kept: Published, found: Addresses) -> Standing:
        """Look at DNS, unless something new is to be sent anyway."""
        if differ(kept, found):
            return UNKNOWN
        sent = kept.sent.addresses if kept.sent else Addresses()
        return standing(self._lookup, kept.domain, merged(found, sent))

    def _act(
        self, claim: Claim, kept: Published, finding: Finding, stands: Standing, *, at_once: bool
    ) -> tuple[AddressLook, Published]:
        now = self._clock.now()
        kept = replace(
            kept,
            looked_at=now,
            lacking_since=(kept.lacking_since or now) if _lacking(finding) else None,
            shows=stands.there if stands.kind == "absent" else None,
            remarks=tuple(
                Remark(kind=one.kind, text=one.text, hint=one.hint) for one in finding.verdicts
            ),
            repairs=() if at_once else tuple(x for x in kept.repairs if age(x.at, now) < WEEK),
        )
        if kept.sent and confirmed(kept, stands):
            kept = self._confirm(kept)
            return _look(kept, finding, f"{in_words(kept.confirmed.addresses)} is confirmed"), kept
        turn = due(kept, finding.addresses, stands, now, at_once=at_once)
        if not turn:
            self._kept.save(kept)
            settled = not kept.sent and (_off(finding) or stands.kind in ("shown", "proxied"))
            return _look(kept, finding, settled=settled), kept
        if error := obstacle(kept, turn, stands, now, self._mode.title):
            self._kept.save(kept)
            raise error
        why = _why(kept, turn, stands)
        found = finding.addresses
        if found == Addresses():  # it is only to be told that we are still there
            found = kept.confirmed.addresses
        changed, kept = self._send(claim, kept, found, turn, stands)
        if turn == "check" and not changed:
            return _look(kept, finding, settled=not kept.sent), kept
        reason: Reason = "drifted" if turn == "check" else turn
        what = in_words(found)
        did = f"Sent {what}, not seen in DNS yet" if kept.sent else f"Published {what}"
        return _look(kept, finding, f"{did}: {why}", reason=reason, settled=not kept.sent), kept

    def _send(
        self, claim: Claim, kept: Published, found: Addresses, turn: Turn, stands: Standing
    ) -> tuple[bool, Published]:
        """Ask the service, and look whether DNS shows it; return whether anything changed there."""
        sent = Pair.of(found)
        begun = replace(kept, sent=sent, sent_at=self._clock.now(), accepted=False)
        self._kept.save(begun)
        self._progress(Step(text=f"Publishing {in_words(found)}", name=kept.domain))
        with (by := self._holder(claim))["http"]:
            publication = self._provider.update_ip(addresses=found, **by)
        now = self._clock.now()
        repairs = kept.repairs
        if is_repair(kept, turn) and (publication.changed or turn != "check"):
            repair = Repair(at=now, there=stands.there, changed=publication.changed)
            repairs = (*repairs, repair)
        kept = replace(begun, accepted=True, updated_at=now, repairs=repairs)
        self._kept.save(kept)
        if confirmed(kept, self._await(kept.domain, found)):
            kept = self._confirm(kept)
        return publication.changed, kept

    def _await(self, name: str, sent: Addresses) -> Standing:
        """Look at DNS until it shows what was sent, for some seconds; the next tick looks again."""
        for pause in _PAUSES:
            stands = standing(self._lookup, name, sent)
            if stands.kind != "absent" or self._cancel.wait(pause):
                return stands
        return standing(self._lookup, name, sent)

    def _confirm(self, kept: Published) -> Published:
        kept = replace(
            kept,
            confirmed=Pair.of(kept.expected),
            confirmed_at=self._clock.now(),
            sent=None,
            sent_at=None,
            accepted=False,
            shows=None,
        )
        self._kept.save(kept)
        return kept


def _look(
    kept: Published,
    finding: Finding,
    *did: str,
    reason: Reason | None = None,
    settled: bool = True,
) -> AddressLook:
    return AddressLook(
        did=did,
        published=kept.confirmed.addresses,
        reason=reason,
        verdicts=finding.verdicts,
        lacking_since=kept.lacking_since,
        reachable=any(one.address and not one.verdict for one in (finding.ipv4, finding.ipv6)),
        settled=settled,
    )


def _off(finding: Finding) -> bool:
    return finding.ipv4 == finding.ipv6 == Sighting()


def _lacking(finding: Finding) -> bool:
    return finding.addresses == Addresses() and not _off(finding)


def _why(kept: Published, turn: Turn, stands: Standing) -> str:
    if turn == "changed":
        return "it has changed" if kept.expected != Addresses() else "nothing was known there yet"
    if turn == "drifted":
        return f"DNS showed {words(stands.there) or 'no address'} instead"
    if turn == "check":
        return "behind the proxy there was another one"
    if turn == "unconfirmed":
        return "it was sent before, and never seen"
    return "the last update was 25 days ago or more"
