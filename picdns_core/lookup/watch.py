"""Waiting until name servers show TXT values: from milliseconds on, never for ever."""

import threading
import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from picdns_core.lookup.crowd import Crowd, check
from picdns_core.lookup.memory import NoRoute
from picdns_core.lookup.wire import NoAnswer

Look = Callable[[], frozenset[str]]
"""Asks one server, and returns the TXT values it shows; raises NoAnswer."""

_FIRST, _GROWTH, _LONGEST = 0.02, 0.05, 2.0
"""Pauses between looks: the shortest, how they grow with the time elapsed, the longest."""

_COURTESY = 0.4
"""Seconds for which a look waits for servers that may yet answer."""


class Moved(Exception):
    """The name is in a zone that other servers serve: a referral came instead of an answer."""


class Sight(Struct, frozen=True):
    """What was seen at last: who shows the values, who does not, and who says nothing, and why."""

    showing: tuple[str, ...]
    lacking: tuple[str, ...]
    silent: Mapping[str, str]

    @property
    def majority(self) -> bool:
        """Whether most of all servers show the values."""
        return len(self.showing) > len(self.lacking) + len(self.silent)


class Watch:
    """Looks at servers again and again; a server that shows the values is not asked again."""

    def __init__(
        self, servers: Mapping[str, Look], wanted: frozenset[str], cancel: threading.Event
    ) -> None:
        self._servers = dict(servers)
        self._wanted = wanted
        self._cancel = cancel
        self._crowd: Crowd[frozenset[str]] = Crowd(cancel)
        self._shows: dict[str, bool] = {}
        self._silent: dict[str, str] = {}

    def until(self, settled: Callable[[Sight], bool], *, patience: float, grace: float) -> Sight:
        """Return what is seen when it is settled, or at the end of the time.

        The time is `patience` seconds, but `grace` only from the moment on at which some servers
        show the values and fewer do not, and as long as none says anything.
        """
        started = time.monotonic()
        end, enough = started + patience, started + min(grace, patience)
        while True:
            sight = self._look()
            now = time.monotonic()
            if len(sight.showing) > len(sight.lacking):
                end = min(end, now + grace)
                grace = float("inf")
            nobody = not (sight.showing or sight.lacking)
            if settled(sight) or now >= (enough if nobody else end):
                return sight
            pause = min(max(_FIRST, _GROWTH * (now - started)), _LONGEST, end - now)
            self._cancel.wait(pause)
            check(self._cancel)

    def _look(self) -> Sight:
        """Ask everybody once; whoever was silent the last time is not waited for."""
        for who, look in self._servers.items():
            if not self._shows.get(who) and who not in self._crowd.running:
                self._crowd.start(who, look)
        deadline = time.monotonic() + _COURTESY
        while self._crowd.running - self._silent.keys():
            came = self._crowd.next(deadline - time.monotonic())
            if came is None:
                break
            self._note(*came)
        while came := self._crowd.next(0):
            self._note(*came)
        for who in self._crowd.running - self._silent.keys():
            self._silent[who] = "does not answer"
            self._shows.pop(who, None)
        return Sight(
            showing=tuple(who for who, shows in self._shows.items() if shows),
            lacking=tuple(who for who, shows in self._shows.items() if not shows),
            silent=dict(self._silent),
        )

    def _note(self, who: str, result: frozenset[str] | NoAnswer) -> None:
        self._silent.pop(who, None)
        self._shows.pop(who, None)
        if isinstance(result, NoRoute):
            del self._servers[who]
        elif isinstance(result, NoAnswer):
            self._silent[who] = str(result)
        else:
            self._shows[who] = self._wanted <= result
