"""Let's Encrypt's rate limits, before a CA that has none."""

import datetime as dt
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509

from .acme_wire import Signed, content, signed
from .faults import Fault
from .rate_limits import (
    DOMAIN,
    EXACT_SET,
    FAILURES,
    ORDERS,
    Order,
    Refusal,
    last_two_labels,
    network_of,
)
from .renewal_times import certificate_id, suggested
from .resigning import names_of
from .serving import Reply, Request
from .token_buckets import Buckets, Limit

_CREATED, _OK = 201, 200
_HOUR = dt.timedelta(hours=1)
_RENEWAL = dt.timedelta(days=120)
"""So long after a certificate, one for the same identifiers is a renewal."""


@dataclass(frozen=True)
class _Known:
    account: str
    identifiers: frozenset[str]


class LetsEncryptLimits(Fault):
    """Refuses orders that Let's Encrypt would refuse, and counts what comes near.

        limits = LetsEncryptLimits(lambda: machine.now)
        machine.on(".*", ".*", limits)

    Rules and words: https://letsencrypt.org/docs/rate-limits/ and Boulder's `ratelimits`. All
    are checked when an order is made. Orders count at once, failures when an authorization is
    seen invalid, certificates when an order is finalized. An order for a set of identifiers
    that had a certificate within 120 days is a renewal, which only failures and the limit for
    exact sets concern. An order that rightly `replaces` a certificate is exempt from all, once,
    unless it comes outside of the window that renewal info last told for that certificate.

    Add it before faults that cut or change replies, or it will miss those.
    """

    def __init__(
        self,
        clock: Callable[[], dt.datetime],
        registered_domain: Callable[[str], str] = last_two_labels,
    ) -> None:
        """Count by a clock; `registered_domain` stands for the Public Suffix List."""
        self.refused: list[Refusal] = []
        """The orders over a limit, in order of time."""
        self.orders: list[Order] = []
        """The orders that the CA has accepted."""
        self.failures: Counter[str] = Counter()
        """How many authorizations have failed, by identifier."""
        self.issued: Counter[frozenset[str]] = Counter()
        """How many certificates were issued, by set of identifiers, renewals among them."""
        self._clock = clock
        self._registered_domain = registered_domain
        self._buckets = Buckets()
        self._failed: set[str] = set()
        self._finalized: set[str] = set()
        self._last_issued: dict[frozenset[str], dt.datetime] = {}
        self._certificates: dict[str, _Known] = {}
        self._windows: dict[str, tuple[dt.datetime, dt.datetime]] = {}
        self._lock = threading.Lock()

    @property
    def exempted(self) -> list[Order]:
        """The orders that no limit concerned, since they replace a certificate in time."""
        return [order for order in self.orders if order.exempt]

    def before(self, request: Request) -> Reply | None:
        """Refuse an order over a limit."""
        asked = signed(request)
        if asked is None or not asked.identifiers:
            return None
        with self._lock:
            now = self._clock()
            if self._exempt(asked, now):
                return None
            waits = (
                (self._buckets.wait(*spent, now), spent) for spent in self._checked(asked, now)
            )
            wait, (limit, key) = max(waits, key=lambda found: found[0])
            return self._refuse(asked, limit, key, now, wait) if wait else None

    def after(self, request: Request, reply: Reply) -> Reply:
        """Count what the CA did."""
        asked = signed(request)
        with self._lock:
            now = self._clock()
            if asked is None:
                self._note_window(request, reply)
            elif asked.identifiers and reply.status == _CREATED:
                self._note_order(asked, reply, now)
            elif "csr" in asked.payload and reply.status == _OK:
                self._note_issuance(asked.url, now)
            elif content(reply).get("status") == "invalid":
                self._note_failure(asked, reply, now)
            elif (reply.header("Content-Type") or "").startswith("application/pem-certificate"):
                leaf = x509.load_pem_x509_certificate(reply.body)
                self._certificates[certificate_id(leaf)] = _Known(asked.account, names_of(leaf))
        return reply

    def _checked(self, asked: Signed, now: dt.datetime) -> Iterator[tuple[Limit, str]]:
        for identifier in sorted(asked.identifiers):
            yield FAILURES, _failure_key(asked.account, identifier)
        yield EXACT_SET, _set_key(asked.identifiers)
        if not self._renews(asked.identifiers, now):
            yield ORDERS, asked.account
            for domain in self._domains(asked.identifiers):
                yield DOMAIN, domain

    def _refuse(
        self, asked: Signed, limit: Limit, key: str, now: dt.datetime, wait: dt.timedelta
    ) -> Reply:
        seconds = math.ceil(wait.total_seconds())
        shown = key.rpartition(" ")[2] if limit is FAILURES else key
        detail = limit.detail(shown, now + dt.timedelta(seconds=seconds))
        refusal = Refusal(limit, shown, asked.identifiers, asked.account, now, seconds, detail)
        self.refused.append(refusal)
        problem = {
            "type": "urn:ietf:params:acme:error:rateLimited",
            "detail": detail,
            "status": 429,
        }
        headers = (
            ("Content-Type", "application/problem+json"),
            ("Retry-After", str(seconds)),
            ("Link", '<https://letsencrypt.org/docs/rate-limits>;rel="help"'),
        )
        return Reply(429, headers, json.dumps(problem).encode())

    def _exempt(self, asked: Signed, now: dt.datetime) -> bool:
        replaces = asked.payload.get("replaces")
        known = self._certificates.get(replaces) if isinstance(replaces, str) else None
        if known is None or known.account != asked.account:
            return False
        if any(order.replaces == replaces and self._stands(order) for order in self.orders):
            return False
        start, end = self._windows.get(str(replaces), (now, now + _HOUR))
        return bool(known.identifiers & asked.identifiers) and start <= now < end

    def _stands(self, order: Order) -> bool:
        return not order.authorizations & self._failed

    def _renews(self, identifiers: frozenset[str], now: dt.datetime) -> bool:
        last = self._last_issued.get(identifiers)
        return last is not None and now - last < _RENEWAL

    def _domains(self, identifiers: frozenset[str]) -> list[str]:
        return sorted({network_of(name) or self._registered_domain(name) for name in identifiers})

    def _note_order(self, asked: Signed, reply: Reply, now: dt.datetime) -> None:
        made, replaces = content(reply), asked.payload.get("replaces")
        exempt = self._exempt(asked, now)
        authorizations = frozenset(made["authorizations"])
        order = Order(
            asked.account, asked.identifiers, replaces, authorizations, made["finalize"], exempt
        )
        if not exempt and not self._renews(asked.identifiers, now):
            self._buckets.spend(ORDERS, asked.account, now)
        self.orders.append(order)

    def _note_issuance(self, url: str, now: dt.datetime) -> None:
        order = next((order for order in self.orders if order.finalize == url), None)
        if order is None or url in self._finalized:
            return
        self._finalized.add(url)
        self._buckets.spend(EXACT_SET, _set_key(order.identifiers), now)
        if not self._renews(order.identifiers, now):
            for domain in self._domains(order.identifiers):
                self._buckets.spend(DOMAIN, domain, now)
        self._last_issued[order.identifiers] = now
        self.issued[order.identifiers] += 1

    def _note_failure(self, asked: Signed, reply: Reply, now: dt.datetime) -> None:
        authorization = content(reply)
        identifier = authorization.get("identifier")
        if not isinstance(identifier, dict) or asked.url in self._failed:
            return
        self._failed.add(asked.url)
        prefix = "*." if authorization.get("wildcard") else ""
        name = f"{prefix}{identifier['value']}".lower()
        self.failures[name] += 1
        self._buckets.spend(FAILURES, _failure_key(asked.account, name), now)

    def _note_window(self, request: Request, reply: Reply) -> None:
        if reply.status == _OK and (window := suggested(reply.body)):
            self._windows[request.target.rpartition("/")[2]] = window


def _failure_key(account: str, identifier: str) -> str:
    return f"{account} {identifier}"


def _set_key(identifiers: frozenset[str]) -> str:
    return ",".join(sorted(identifiers))
