"""What a walk through public DNS learns, remembers for a while, and may spend."""

import itertools
import time
from collections.abc import Iterator
from typing import Generic, TypeVar

import dns.name
from msgspec import Struct, field

from picdns_core.lookup.wire import NoAnswer, Silent, text

V = TypeVar("V")

# Seconds. Top-level domains let everybody remember it for a day or two, and a server that stops
# answering for a zone is forgotten at once.
_KEPT = 3600.0
_MOST_QUESTIONS = 60  # of one lookup, whatever referrals say (as in NXNSAttack)
_DEEPEST = 3  # walks within walks, for servers whose addresses are not given


class NoRoute(Silent):
    """A server has addresses of a kind only that this host does not have: IPv6."""


class Server(Struct, frozen=True):
    """A name server; without addresses where the referral gave none."""

    name: dns.name.Name
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return text(self.name)


class Cut(Struct, frozen=True):
    """A zone and all who serve it."""

    zone: dns.name.Name
    servers: tuple[Server, ...]

    def __str__(self) -> str:
        return "the root" if self.zone == dns.name.root else text(self.zone)


class Unreachable(NoAnswer):
    """No server of a zone gave a valid answer; `silent` when there was no reply at all."""

    def __init__(self, cut: Cut, reasons: dict[str, NoAnswer]) -> None:
        self.cut = cut
        self.silent = all(isinstance(reason, Silent) for reason in reasons.values())
        said = "; ".join(f"{who}: {reason}" for who, reason in reasons.items())
        super().__init__(f"No name server of {cut} gives a valid answer ({said or 'in time'})")


class Errand(Struct, frozen=True):
    """What one lookup may still ask, with all the walks within it."""

    asked: Iterator[int] = field(default_factory=itertools.count)
    depth: int = 0

    def spend(self) -> None:
        """Count one question; raises NoAnswer when there were too many."""
        if next(self.asked) >= _MOST_QUESTIONS:
            raise NoAnswer("too many questions for one lookup")

    def deeper(self) -> "Errand":
        """Begin a walk within a walk; raises NoAnswer when that is one too many."""
        if self.depth == _DEEPEST:
            raise NoAnswer("its address depends on too many other zones")
        return Errand(self.asked, self.depth + 1)


class Memory(Generic[V]):
    """Something known of names, for an hour; used by many threads."""

    def __init__(self) -> None:
        self._known: dict[dns.name.Name, tuple[float, V]] = {}

    def get(self, name: dns.name.Name) -> V | None:
        until, value = self._known.get(name, (0.0, None))
        return value if time.monotonic() < until else None

    def put(self, name: dns.name.Name, value: V) -> None:
        now = time.monotonic()
        for known, (until, _) in list(self._known.items()):
            if until <= now:
                self._known.pop(known, None)
        self._known[name] = (now + _KEPT, value)

    def forget(self, name: dns.name.Name, *, below: bool = False) -> None:
        """Forget a name, and all below it if asked to."""
        self._known.pop(name, None)
        for known in list(self._known) if below else ():
            if known.is_subdomain(name):
                self._known.pop(known, None)
