"""What each server with authority says of where a name leads, and whether they agree."""

import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial

import dns.name
from msgspec import Struct

from picdns_core.lookup.crowd import Crowd
from picdns_core.lookup.memory import Cut, NoRoute, Unreachable
from picdns_core.lookup.walk import Walk
from picdns_core.lookup.wire import LONGEST_CHAIN, Answer, NoAnswer, Question, Referral, text

_PATIENCE = 4.0  # seconds for all servers of a zone together
_TYPES = ("A", "AAAA")


class Statement(Struct, frozen=True, kw_only=True):
    """What one server says of a name.

    `alias` is where a CNAME leads, `ttl` for how many seconds the least lasting of its records may
    be remembered, `problem` why it says nothing valid.
    """

    server: str
    addresses: tuple[str, ...] = ()
    alias: str | None = None
    ttl: int | None = None
    problem: str | None = None


class Survey(Struct, frozen=True, kw_only=True):
    """What is said at the end of the CNAMEs, of which `aliases` has the targets in their order.

    `zone` is the zone that the last name is in, `problem` why its servers could not be asked. What
    is not `authoritative` was said by resolvers, which may remember older addresses.
    """

    zone: str
    aliases: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    problem: str | None = None
    authoritative: bool = True

    @property
    def addresses(self) -> frozenset[str]:
        """All addresses that any server shows."""
        return frozenset(address for one in self.statements for address in one.addresses)

    @property
    def agree(self) -> bool:
        """Whether all that say anything valid say the same."""
        said = {(frozenset(one.addresses), one.alias) for one in _valid(self.statements)}
        return len(said) <= 1


def survey(walk: Walk, name: dns.name.Name, cancel: threading.Event) -> Survey:
    """Ask all servers of the zone that the name is in, and go on where they agree on a CNAME.

    Raises Unreachable when the walk does not come as far as the name's own zone.
    """
    aliases: list[str] = []
    while True:
        try:
            cut = walk.zone_of(name)
        except Unreachable as error:
            if not aliases:
                raise
            return Survey(zone=str(error.cut), aliases=tuple(aliases), problem=str(error))
        found = Survey(
            zone=str(cut),
            aliases=tuple(aliases),
            statements=tuple(_hear(walk, cut, name, cancel)),
        )
        alias = next((one.alias for one in found.statements if one.alias), None)
        if alias is None or not found.agree:
            return found
        if len(aliases) == LONGEST_CHAIN:
            return Survey(zone=str(cut), aliases=tuple(aliases), problem="the CNAMEs have no end")
        aliases.append(alias)
        name = dns.name.from_text(alias)


def by_resolvers(answers: Iterable[Answer]) -> Survey:
    """Return what resolvers say, which follow CNAMEs themselves."""
    addresses = tuple(rdata.address for answer in answers for rdata in answer.records)
    one = Statement(server="resolvers over HTTPS", addresses=addresses)
    return Survey(zone="", statements=(one,), authoritative=False)


def _hear(
    walk: Walk, cut: Cut, name: dns.name.Name, cancel: threading.Event
) -> Iterable[Statement]:
    """Ask all at once; who does not answer is not waited for longer than the others."""
    crowd: Crowd[Answer | Referral] = Crowd(cancel)
    heard: dict[str, dict[str, Answer | NoAnswer]] = {str(one): {} for one in cut.servers}
    for server in cut.servers:
        for rdtype in _TYPES:
            question = Question.of(name.to_text(), rdtype)
            crowd.start(f"{server} {rdtype}", partial(walk.look, cut, server, question))
    deadline = time.monotonic() + _PATIENCE
    while came := crowd.next(deadline - time.monotonic()):
        who, outcome = came
        if isinstance(outcome, Referral):
            below = walk.learn(outcome)
            outcome = NoAnswer(f"refers to the servers of {below}")
        server_name, _, rdtype = who.partition(" ")
        heard[server_name][rdtype] = outcome
    for server_name, said in heard.items():
        if not any(isinstance(one, NoRoute) for one in said.values()):
            yield _statement(server_name, [said.get(one) for one in _TYPES])


def _statement(server: str, said: Sequence[Answer | NoAnswer | None]) -> Statement:
    answers = [one for one in said if isinstance(one, Answer)]
    if len(answers) < len(said):
        reason = next((str(one) for one in said if isinstance(one, NoAnswer)), "does not answer")
        return Statement(server=server, problem=reason)
    alias = next((one.alias for one in answers if one.alias is not None), None)
    return Statement(
        server=server,
        addresses=tuple(sorted(rdata.address for one in answers for rdata in one.records)),
        alias=text(alias) if alias is not None else None,
        ttl=min((one.ttl for one in answers if one.ttl is not None), default=None),
    )


def _valid(statements: Iterable[Statement]) -> list[Statement]:
    return [one for one in statements if one.problem is None]
