"""What can go wrong between a client and a server, and when."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .serving import Reply, Request

_LONGEST_HOLD = 60.0


class Fault:
    """Something that happens to an exchange; does nothing by itself."""

    def before(self, request: Request) -> Reply | None:  # noqa: ARG002
        """Act before the server is asked; a reply is sent instead of asking it.

        An `OSError` cuts the connection.
        """
        return None

    def after(self, request: Request, reply: Reply) -> Reply:  # noqa: ARG002
        """Act on what the server answered; an `OSError` cuts the connection."""
        return reply

    def end(self) -> None:
        """Wait no longer: the proxy is being closed."""


@dataclass(frozen=True)
class Delay(Fault):
    """The server is asked some seconds late."""

    seconds: float
    _over: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def before(self, request: Request) -> None:  # noqa: ARG002
        """Wait."""
        self._over.wait(self.seconds)

    def end(self) -> None:
        """Wait no longer."""
        self._over.set()


@dataclass(frozen=True)
class Cut(Fault):
    """The connection breaks.

    At `request`, the server never hears of it. At `reply`, it has done what was asked and nobody
    hears of that. At `body`, the reply ends in the middle.
    """

    at: Literal["request", "reply", "body"] = "request"

    def before(self, request: Request) -> None:  # noqa: ARG002
        """Cut at `request`."""
        if self.at == "request":
            raise ConnectionAbortedError

    def after(self, request: Request, reply: Reply) -> Reply:  # noqa: ARG002
        """Cut at `reply` or `body`."""
        if self.at == "reply":
            raise ConnectionAbortedError
        full = len(reply.body)
        shortened = replace(reply, body=reply.body[: full // 2])
        return shortened.with_headers({"Content-Length": str(full)})


@dataclass(frozen=True)
class Answer(Fault):
    """The server is not asked; this is answered instead."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def before(self, request: Request) -> Reply:  # noqa: ARG002
        """Answer."""
        return Reply(self.status, tuple(self.headers.items()), self.body.encode())


@dataclass(frozen=True)
class Rewrite(Fault):
    """The reply becomes what a function makes of it: the server lies."""

    function: Callable[[Request, Reply], Reply]

    def after(self, request: Request, reply: Reply) -> Reply:
        """Call the function."""
        return self.function(request, reply)


@dataclass(frozen=True)
class Hold(Fault):
    """A request waits until the test, having seen that it came, lets it go; a minute at most.

        hold = Hold()
        proxy.on("POST", "/finalize", hold, first=1)
        ...
        assert hold.arrived.wait(10)
        hold.released.set()

    At `request`, the server has not heard of it; at `reply`, it has done what was asked.
    """

    at: Literal["request", "reply"] = "request"
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def before(self, request: Request) -> None:  # noqa: ARG002
        """Hold at `request`."""
        if self.at == "request":
            self._hold()

    def after(self, request: Request, reply: Reply) -> Reply:  # noqa: ARG002
        """Hold at `reply`."""
        if self.at == "reply":
            self._hold()
        return reply

    def end(self) -> None:
        """Let all go."""
        self.released.set()

    def _hold(self) -> None:
        self.arrived.set()
        self.released.wait(_LONGEST_HOLD)


class Rule:
    """Which requests a fault happens to."""

    def __init__(
        self, method: str, target: str, fault: Fault, *, first: int | None, nth: int | None
    ) -> None:
        """See `Faults.on`."""
        self._method = re.compile(method)
        self._target = re.compile(target)
        self._first = first
        self._nth = nth
        self._lock = threading.Lock()
        self.fault = fault
        self.matches = 0
        """How many requests it has matched, whether or not the fault happened to them."""

    def strikes(self, request: Request) -> bool:
        """Count a request that matches, and tell whether the fault happens to it."""
        if not (self._method.fullmatch(request.method) and self._target.search(request.target)):
            return False
        with self._lock:
            self.matches += 1
            number = self.matches
        if self._nth is not None:
            return number == self._nth
        return self._first is None or number <= self._first


class Faults:
    """The rules of a proxy, which may change while it runs."""

    def __init__(self) -> None:
        """Begin without any."""
        self._rules: tuple[Rule, ...] = ()

    def on(
        self,
        method: str,
        target: str,
        fault: Fault,
        *,
        first: int | None = None,
        nth: int | None = None,
    ) -> Rule:
        """Let a fault happen to requests that match; returns the rule, which counts them.

        `method` is a regular expression for the whole method (`GET|HEAD`, `.*`), `target` one
        that is found anywhere in the request's target. The fault happens to the `first` so many
        matches, or to the `nth` only, counted from 1, or to all.

        Several faults can happen to one request, in the order in which they were added.
        """
        rule = Rule(method, target, fault, first=first, nth=nth)
        self._rules = (*self._rules, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Let a fault happen no more; safe twice."""
        self._rules = tuple(other for other in self._rules if other is not rule)

    def clear(self) -> None:
        """Let all be well again."""
        self._rules = ()

    def end(self) -> None:
        """Let nothing wait any longer."""
        for rule in self._rules:
            rule.fault.end()

    def apply(self, request: Request, ask: Callable[[Request], Reply]) -> Reply:
        """Exchange a request for a reply by `ask`, with all the faults that happen to it."""
        faults = [rule.fault for rule in self._rules if rule.strikes(request)]
        replies = (fault.before(request) for fault in faults)
        reply = next((reply for reply in replies if reply is not None), None) or ask(request)
        for fault in faults:
            reply = fault.after(request, reply)
        return reply
