"""What a CA was asked lately, on disk, so that its limits are never reached."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from cryptography import x509
from msgspec import Struct
from msgspec.structs import replace

from picdns_core.clock import Clock
from picdns_core.errors import DamagedState, RateLimited
from picdns_core.issuing.together import Together
from picdns_core.model import Moment
from picdns_core.store import Document, Store, load, save

_FAILURES, _HOUR = 4, timedelta(hours=1)  # Let's Encrypt: 5
_ORDERS, _THREE_HOURS = 250, timedelta(hours=3)  # 300
_SAME, _NEW, _WEEK = 4, 45, timedelta(days=7)  # 5 and 50
_DAY = timedelta(days=1)

_log = logging.getLogger(__name__)


class _Validation(Struct, frozen=True, kw_only=True):
    authorization: str
    name: str
    at: Moment


class _Certificate(Struct, frozen=True, kw_only=True):
    """One that counts until `until`; `open` while it may still come to nothing."""

    lineage: str
    names: tuple[str, ...]
    until: Moment
    renews: bool
    open: bool = True


class Spent(Document, frozen=True, kw_only=True):
    """What counts."""

    orders: tuple[Moment, ...] = ()
    certificates: tuple[_Certificate, ...] = ()
    validations: tuple[_Validation, ...] = ()

    def at(self, now: datetime) -> Self:
        """Drop what counts no more; what a wrong clock put into the future counts from now on."""
        orders = (min(one, now) for one in self.orders)
        certificates = (
            replace(one, until=min(one.until, now + _WEEK)) for one in self.certificates
        )
        validations = (replace(one, at=min(one.at, now)) for one in self.validations)
        return replace(
            self,
            orders=tuple(one for one in orders if now < one + _THREE_HOURS),
            certificates=tuple(one for one in certificates if now < one.until),
            validations=tuple(one for one in validations if now < one.at + _HOUR),
        )

    def without_open(self, lineage: str) -> Self:
        """Drop what the last order of a lineage, of which nothing came, had set aside."""
        left = (one for one in self.certificates if not (one.open and one.lineage == lineage))
        return replace(self, certificates=tuple(left))

    def failures(self, name: str) -> list[datetime]:
        """Return until when each failure of a name counts."""
        return [one.at + _HOUR for one in self.validations if one.name == name]


class Left(Struct, frozen=True, kw_only=True):
    """What is left at the CA for one certificate: failures by name, and why it must wait, if so."""

    failures: dict[str, int]
    refusal: RateLimited | None = None


class Budget:
    """Counts orders, certificates and failures at one CA; across threads and processes.

    Everything is on disk before the CA is asked, so that a kill loses nothing. `together` is the
    same for all threads of a process, so that one write does for all who wait.
    """

    def __init__(self, store: Store, folder: str, clock: Clock, together: Together[Spent]) -> None:
        self._store = store
        self._key = f"{folder}/budget.json"
        self._clock = clock
        self._together = together

    def attempt(self, lineage: str, names: Iterable[str]) -> Attempt:
        """Begin to count what is done for one certificate."""
        return Attempt(self, lineage, tuple(names))

    def left(self, lineage: str, names: Iterable[str]) -> Left:
        """Say what may still be asked for one certificate now; counts nothing."""
        now = self._clock.now()
        spent, attempt = self._read().at(now), self.attempt(lineage, names)
        return attempt.left(spent, now)

    def change(self, change: Callable[[Spent, datetime], Spent]) -> None:
        """Keep what `change` makes of what counts now; nothing when it raises."""

        def count(spent: Spent) -> Spent:
            now = self._clock.now()
            return change(spent.at(now), now)

        self._together.change(count, self._keep)

    def _keep(self, change: Callable[[Spent], Spent]) -> None:
        with self._store.lock("cell", "counting what the CA was asked", wait=10):
            kept = self._read()
            if (changed := change(kept)) != kept:
                save(self._store, self._key, changed)

    def _read(self) -> Spent:
        try:
            return load(self._store, self._key, Spent) or Spent()
        except DamagedState as error:
            _log.warning(
                "What the CA was asked lately is counted anew: %s",
                error,
                extra={"event": "budget_damaged"},
            )
            return Spent()


class Attempt:
    """One certificate that is being had; RateLimited before anything that would be too much."""

    def __init__(self, budget: Budget, lineage: str, names: tuple[str, ...]) -> None:
        self._budget = budget
        self._lineage = lineage
        self._names = names
        self._set = tuple(sorted(names))
        self._proven: set[str] = set()

    def order(self, *, renews: bool) -> None:
        """Count an order that is about to be sent; one that `renews` by RFC 9773 is exempt.

        Not from the limit for the same names: a CA whose window is always in the past would let
        us renew without end.
        """

        def change(spent: Spent, now: datetime) -> Spent:
            spent = spent.without_open(self._lineage)
            self._check_order(spent, now, renews=renews)
            new = self._certificate(now + _WEEK, renews=renews)
            return replace(
                spent,
                orders=spent.orders if renews else (*spent.orders, now),
                certificates=(*spent.certificates, new),
            )

        self._budget.change(change)

    def left(self, spent: Spent, now: datetime) -> Left:
        """Say what may still be asked, of what counts now."""
        failures = {
            name: _FAILURES - len(spent.failures(name))
            for name in (one.removeprefix("*.") for one in self._names)
        }
        try:
            self._check_order(spent.without_open(self._lineage), now, renews=False)
        except RateLimited as refusal:
            return Left(failures=failures, refusal=refusal)
        return Left(failures=failures)

    def exempt_no_more(self) -> None:
        """Count the order as new after all: the CA took it, and not as a renewal."""

        def change(spent: Spent, now: datetime) -> Spent:
            new = self._certificate(now + _WEEK, renews=False)
            kept = spent.without_open(self._lineage).certificates
            return replace(spent, orders=(*spent.orders, now), certificates=(*kept, new))

        self._budget.change(change)

    def answer(self, names: Mapping[str, str]) -> None:
        """Count as failed what the CA is about to verify: names by the URLs of authorizations.

        Each can fail but once, however often it is answered.
        """

        def change(spent: Spent, now: datetime) -> Spent:
            known = {one.authorization for one in spent.validations}
            new = {url: name for url, name in names.items() if url not in known}
            _check(now, (_failing(spent, name, new.values()) for name in {*new.values()}))
            added = (_Validation(authorization=url, name=new[url], at=now) for url in new)
            return replace(spent, validations=(*spent.validations, *added))

        self._budget.change(change)

    def proven(self, *authorizations: str) -> None:
        """Note that these did not fail; it is kept with what comes next."""
        self._proven.update(authorizations)

    def issued(self, fullchain_pem: bytes) -> None:
        """Keep that there is a certificate.

        It counts for as long as it lives, a day at least, where that is less than a week: who
        issues for less lets us renew more often.
        """

        def change(spent: Spent, now: datetime) -> Spent:
            mine = [one for one in spent.certificates if one.open and one.lineage == self._lineage]
            new = mine[-1] if mine else self._certificate(now + _WEEK, renews=False)
            until = min(new.until, now + max(_lifetime(fullchain_pem), _DAY))
            kept = self._without_proven(spent.without_open(self._lineage))
            new = replace(new, until=until, open=False)
            return replace(kept, certificates=(*kept.certificates, new))

        self._budget.change(change)

    def gave_up(self) -> None:
        """Keep that the order comes to no certificate."""
        self._budget.change(
            lambda spent, _: self._without_proven(spent.without_open(self._lineage))
        )

    def _certificate(self, until: datetime, *, renews: bool) -> _Certificate:
        return _Certificate(lineage=self._lineage, names=self._set, until=until, renews=renews)

    def _without_proven(self, spent: Spent) -> Spent:
        left = (one for one in spent.validations if one.authorization not in self._proven)
        return replace(spent, validations=tuple(left))

    def _check_order(self, spent: Spent, now: datetime, *, renews: bool) -> None:
        bases = [name.removeprefix("*.") for name in self._names]
        same = [one.until for one in spent.certificates if one.names == self._set]
        listed = ", ".join(self._names)
        waits = [_failing(spent, base, bases) for base in {*bases}]
        waits.append((f"{_SAME} certificates for {listed} within 7 days", same, _SAME, 1))
        if not renews:
            new = [one.until for one in spent.certificates if not one.renews]
            orders = [one + _THREE_HOURS for one in spent.orders]
            waits.append((f"{_NEW} new certificates within 7 days", new, _NEW, 1))
            waits.append((f"{_ORDERS} orders within 3 hours", orders, _ORDERS, 1))
        _check(now, waits)


_Limit = tuple[str, list[datetime], int, int]
"""What is reached, until when each one counts, how many there may be, how many are to come."""


def _failing(spent: Spent, name: str, coming: Iterable[str]) -> _Limit:
    said = f"{name} could not be verified {_FAILURES} times within an hour"
    return said, spent.failures(name), _FAILURES, list(coming).count(name)


def _check(now: datetime, limits: Iterable[_Limit]) -> None:
    """Raise RateLimited for the limit that takes longest to wait for."""
    wait, said = timedelta(), ""
    for reached, ends, limit, more in limits:
        over = len(ends) + more - limit
        if over > 0 and (longer := sorted(ends)[min(over, len(ends)) - 1] - now) > wait:
            wait, said = longer, reached
    if said:
        raise RateLimited(
            f"picdns holds back, so that the CA does not: {said}. What is served stays so.",
            retry_after=wait.total_seconds(),
            hint="Mend what failed before, if anything did; do not force it.",
        )


def _lifetime(fullchain_pem: bytes) -> timedelta:
    try:
        leaf: Any = x509.load_pem_x509_certificate(fullchain_pem)
    except ValueError:
        return _WEEK  # it will be rejected
    lifetime: timedelta = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return lifetime
