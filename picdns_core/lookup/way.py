"""The way to public DNS: port 53, or HTTPS where a network does not let that be."""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import dns.name
from msgspec import Struct

from picdns_core.lookup.delegation import Delegation, delegation
from picdns_core.lookup.memory import Cut, Server, Unreachable
from picdns_core.lookup.survey import Survey, by_resolvers, survey
from picdns_core.lookup.walk import Walk
from picdns_core.lookup.watch import Look, Moved, Sight
from picdns_core.lookup.wire import LONGEST_CHAIN, Answer, NoAnswer, Question, Referral
from picdns_core.settings import DnsSettings

if TYPE_CHECKING:  # requests is loaded when HTTPS is the way
    from picdns_core.lookup.doh import Resolver

_DETOUR = 3600.0
"""Seconds for which HTTPS is the way; port 53 may have been closed for a moment only."""


class Witnesses(Struct, frozen=True):
    """Who can say whether a TXT value is visible; `who` is all of them in words.

    `promising` is false when it is not worth while to wait long for any answer.
    """

    who: str
    looks: Mapping[str, Look]
    authoritative: bool = True
    promising: bool = True

    def settled(self, sight: Sight) -> bool:
        """Tell whether enough show it: any resolver, or a majority that nobody contradicts."""
        if not self.authoritative:
            return bool(sight.showing)
        return sight.majority and not sight.lacking


class Way:
    """Asks port 53 as long as the root servers can be asked there; used by many threads."""

    def __init__(
        self,
        settings: DnsSettings,
        ca_bundle: str | None,
        cancel: threading.Event,
        tell: Callable[[str], None],
    ) -> None:
        self._walk = Walk(settings, cancel)
        self._settings = settings
        self._cancel = cancel
        self._ca_bundle = ca_bundle
        self._tell = tell
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._resolvers: tuple[Resolver, ...] = ()
        """Asked instead of port 53, when there are any."""
        self._port_again = 0.0

    def query(self, question: Question) -> Answer:
        """Return what public DNS says; raises NoAnswer when it does not."""
        if not self._on_detour():
            try:
                return self._walk.query(question)
            except Unreachable as error:
                if not self._turn(error):
                    raise
        return self._over_https(question)

    def resolve(self, question: Question) -> Answer:
        """Return the answer to which the name and its CNAMEs lead; raises NoAnswer."""
        for _ in range(LONGEST_CHAIN + 1):
            answer = self.query(question)
            if answer.alias is None:
                return answer
            question = Question(answer.alias, question.rdtype)
        raise NoAnswer("the CNAMEs go round in circles, or on without end")

    def witnesses(self, name: str) -> Witnesses:
        """Return who can say what TXT values a name has."""
        question = Question.of(name, "TXT")
        if not self._resolvers:
            try:
                return self._authorities(self._walk.zone_of(question.name), question)
            except Unreachable as error:
                if not self._turn(error):
                    return self._authorities(error.cut, question)
        return Witnesses(
            who="resolvers over HTTPS",
            looks={one.url: partial(_look_over_https, one, question) for one in self._resolvers},
            authoritative=False,
            promising=any(one.works() for one in self._resolvers),
        )

    def survey(self, name: str) -> Survey:
        """Return what all say who know where a name leads; raises NoAnswer when nobody does."""
        questions = [Question.of(name, rdtype) for rdtype in ("A", "AAAA")]
        if not self._on_detour():
            try:
                return survey(self._walk, questions[0].name, self._cancel)
            except Unreachable as error:
                if not self._turn(error):
                    raise
        return by_resolvers([self._over_https(one) for one in questions])

    def delegation(self, name: str) -> Delegation | None:
        """Return who serves the zone of a name; None where port 53 cannot be asked at all."""
        if self._on_detour():
            return None
        try:
            return delegation(self._walk, Question.of(name, "NS").name, self._cancel)
        except Unreachable as error:
            if self._walk.obstacle(error):
                return None
            raise

    def trouble_on_port_53(self, name: str) -> str:
        """Tell in a word what the network does to questions to the roots; "" when nothing."""
        return self._walk.trouble_at_the_root(Question.of(name, "SOA").name)

    def _on_detour(self) -> bool:
        if self._resolvers and time.monotonic() >= self._port_again:
            self._resolvers = ()
        return bool(self._resolvers)

    def _authorities(self, cut: Cut, question: Question) -> Witnesses:
        return Witnesses(
            who=f"the name servers of {cut}",
            looks={str(one): partial(self._look, cut, one, question) for one in cut.servers},
            promising=cut.zone != dns.name.root,
        )

    def _look(self, cut: Cut, server: Server, question: Question) -> frozenset[str]:
        outcome = self._walk.look(cut, server, question)
        if isinstance(outcome, Referral):
            self._walk.learn(outcome)
            raise Moved
        return outcome.texts()

    def _over_https(self, question: Question) -> Answer:
        reasons = []
        for resolver in self._resolvers:
            try:
                return resolver.ask(question)
            except NoAnswer as error:
                reasons.append(str(error))
        self._resolvers = ()  # then this was an outage, and port 53 may work before HTTPS does
        raise NoAnswer(f"No DNS over HTTPS answers ({'; '.join(reasons)})")

    def _turn(self, failure: Unreachable) -> bool:
        """Turn to HTTPS if the root servers cannot be asked on port 53, and say so."""
        from picdns_core.lookup.doh import Resolver

        with self._lock:
            if self._resolvers:
                return True
            obstacle = self._walk.obstacle(failure)
            if not obstacle:
                return False
            resolvers = tuple(Resolver(url, self._ca_bundle) for url in self._settings.doh)
            if not any(resolver.works() for resolver in resolvers):
                self._say(f"Port 53 is {obstacle} by this network, and no DNS over HTTPS answers")
                return False
            self._say(f"Port 53 is {obstacle} by this network; asking over HTTPS")
            self._resolvers = resolvers
            self._port_again = time.monotonic() + _DETOUR
            return True

    def _say(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)


def _look_over_https(resolver: "Resolver", question: Question) -> frozenset[str]:
    return resolver.ask(question).texts()
