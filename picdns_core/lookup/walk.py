"""The walk from the root name servers down to those that have authority for a name."""

import random
import socket
import threading
from functools import partial

import dns.name
import dns.rdatatype

from picdns_core.lookup.crowd import Crowd, check
from picdns_core.lookup.memory import Cut, Errand, Memory, NoRoute, Server, Unreachable
from picdns_core.lookup.roots import ROOT_HINTS
from picdns_core.lookup.wire import (
    TCP_PATIENCE,
    UDP_PATIENCE,
    Answer,
    NoAnswer,
    Question,
    Referral,
    ask,
    read,
)
from picdns_core.settings import DnsSettings

_HEAD_START = 0.25  # seconds that a server has to itself before the next is asked as well
_ADDRESSES = 2  # of one server that are tried
_LONGEST = _ADDRESSES * (UDP_PATIENCE + TCP_PATIENCE) + 1
_MOST_SERVERS = 13


class Walk:
    """Asks servers with authority; used by many threads.

    Who serves a zone is remembered for an hour, answers never are.
    """

    def __init__(self, settings: DnsSettings, cancel: threading.Event) -> None:
        self._port = settings.port
        self._cancel = cancel
        hints = {root: (root,) for root in settings.roots} or ROOT_HINTS
        self._root = Cut(
            dns.name.root,
            tuple(Server(dns.name.from_text(name), known) for name, known in hints.items()),
        )
        self._cuts = Memory[Cut]()  # by zone
        self._zones = Memory[Cut]()  # by name: what an answer has shown it to be in
        self._addresses = Memory[tuple[str, ...]]()

    def query(self, question: Question) -> Answer:
        """Return what the zone says, by the first of its servers that does; Unreachable if none.

        An alias is returned, not followed.
        """
        return self._descend(question, Errand())[1]

    def zone_of(self, name: dns.name.Name) -> Cut:
        """Return the zone that a name is in, with all its servers.

        Raises Unreachable, which tells how far the walk came.
        """
        if known := self._zones.get(name):
            return known
        cut, answer = self._descend(Question(name, dns.rdatatype.SOA), Errand())
        if answer.alias is not None:
            return self.zone_of(name.parent())  # there is an alias at no zone's apex
        apex = name if answer.records else answer.apex or cut.zone
        if apex != cut.zone:  # its servers serve the zone above as well, and not they alone
            found = self.query(Question(apex, dns.rdatatype.NS)).records
            servers = tuple(Server(rdata.target) for rdata in found)
            cut = Cut(apex, servers[:_MOST_SERVERS]) if servers else cut
            self._cuts.put(apex, cut)
        self._zones.put(name, cut)
        return cut

    def look(self, cut: Cut, server: Server, question: Question) -> Answer | Referral:
        """Ask one server of a zone; raises NoAnswer."""
        return self._look(cut, server, question, Errand())

    def obstacle(self, failure: Unreachable) -> str:
        """Tell what happens to questions to the root servers, in a word; "" when all is well."""
        if failure.cut != self._root:
            try:
                self._race(self._root, Question(dns.name.root, dns.rdatatype.SOA), Errand())
            except Unreachable as error:
                failure = error
            else:
                return ""
        return "blocked" if failure.silent else "intercepted"

    def trouble_at_the_root(self, name: dns.name.Name) -> str:
        """Tell in a word what happens to a question to the root servers; "" when all is well."""
        try:
            self._race(self._root, Question(name, dns.rdatatype.SOA), Errand())
        except Unreachable as error:
            return "blocked" if error.silent else "intercepted"
        return ""

    def learn(self, referral: Referral) -> Cut:
        """Remember who serves a zone."""
        servers = (Server(name, given) for name, given in referral.servers.items())
        cut = Cut(referral.zone, tuple(servers)[:_MOST_SERVERS])
        self._cuts.put(cut.zone, cut)
        self._zones.forget(cut.zone, below=True)
        return cut

    def _descend(self, question: Question, errand: Errand) -> tuple[Cut, Answer]:
        """Follow referrals; each leads to a zone below the one before, so there is an end."""
        cut = self._deepest(question.name)
        while True:
            try:
                outcome = self._race(cut, question, errand)
            except Unreachable:
                self._cuts.forget(cut.zone)  # next time ask again who serves it
                self._zones.forget(question.name)
                raise
            if isinstance(outcome, Answer):
                if outcome.apex == cut.zone:
                    self._zones.put(question.name, cut)
                return cut, outcome
            cut = self.learn(outcome)

    def _deepest(self, name: dns.name.Name) -> Cut:
        while name != dns.name.root:
            if known := self._cuts.get(name):
                return known
            name = name.parent()
        return self._root

    def _race(self, cut: Cut, question: Question, errand: Errand) -> Answer | Referral:
        """Ask servers in random order until one answers; who is slow is not waited for."""
        crowd: Crowd[Answer | Referral] = Crowd(self._cancel)
        reasons: dict[str, NoAnswer] = {}
        waiting = sorted(cut.servers, key=lambda one: (not one.addresses, random.random()))  # noqa: S311
        while waiting or crowd.running:
            check(self._cancel)
            if waiting:
                server = waiting.pop(0)
                crowd.start(str(server), partial(self._look, cut, server, question, errand))
            came = crowd.next(_HEAD_START if waiting else _LONGEST)
            if came is None:
                if not waiting:
                    break
                continue
            who, outcome = came
            if not isinstance(outcome, NoAnswer):
                return outcome
            reasons[who] = outcome
        raise Unreachable(cut, reasons)

    def _look(
        self, cut: Cut, server: Server, question: Question, errand: Errand
    ) -> Answer | Referral:
        known = server.addresses or self._addresses_of(server.name, errand.deeper())
        usable = [address for address in known if _has_route(address)]
        if known and not usable:
            raise NoRoute("this host has no IPv6")
        failure = NoAnswer("its address is not to be found")
        for address in usable[:_ADDRESSES]:
            errand.spend()
            try:
                outcome = read(ask(question, address, self._port), question, cut.zone)
            except NoAnswer as error:
                failure = error
                continue
            if cut.zone == dns.name.root and _beyond_the_root(outcome, question):
                raise NoAnswer("answers as no root server does")
            return outcome
        raise failure

    def _addresses_of(self, name: dns.name.Name, errand: Errand) -> tuple[str, ...]:
        """Find the addresses of a server that came without, IPv6 only where there is no IPv4."""
        if (known := self._addresses.get(name)) is not None:
            return known
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            found = self._descend(Question(name, rdtype), errand)[1].records
            if found:
                addresses = tuple(rdata.address for rdata in found)
                self._addresses.put(name, addresses)
                return addresses
        return ()


def _beyond_the_root(outcome: Answer | Referral, question: Question) -> bool:
    """Tell whether this is more than a root server knows: records of names below the top level."""
    top = 2  # labels, the root's empty one among them
    final = isinstance(outcome, Answer) and bool(outcome.records or outcome.alias)
    return final and len(question.name) > top


def _has_route(address: str) -> bool:
    """Tell whether a packet could be sent there; sends none. Only IPv6 is ever missing."""
    if ":" not in address:
        return True
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 53))
    except OSError:
        return False
    return True
