"""Who serves a zone: by the zone above, by the zone itself, and who really does."""

import threading
import time
from functools import partial

import dns.name
from msgspec import Struct

from picdns_core.lookup.crowd import Crowd
from picdns_core.lookup.memory import Cut, Server
from picdns_core.lookup.walk import Walk
from picdns_core.lookup.wire import Answer, NoAnswer, Question, Referral, text

_PATIENCE = 4.0  # seconds for all servers of a zone together


class Delegation(Struct, frozen=True, kw_only=True):
    """The zone that a name is in, and its name servers.

    `delegated` are those that the zone above leads to, empty where it does not tell, `named` those
    that the zone itself names. `problems` says of a server why it does not serve the zone,
    `serials` which copy of it another has.
    """

    zone: str
    delegated: tuple[str, ...]
    named: tuple[str, ...]
    problems: dict[str, str]
    serials: dict[str, int]


def delegation(walk: Walk, name: dns.name.Name, cancel: threading.Event) -> Delegation:
    """Ask the zone above, and each server that anybody names; raises NoAnswer."""
    cut = walk.zone_of(name)
    above = _referral(walk, cut, cancel)
    servers = {str(one): one for one in cut.servers}
    for target, addresses in (above.servers if above else {}).items():
        servers.setdefault(text(target), Server(target, addresses))
    heard = _hear(walk, cut, servers, "NS", cancel)
    named = {
        text(rdata.target)
        for one in heard.values()
        if isinstance(one, Answer)
        for rdata in one.records
    }
    for one in named - servers.keys():
        servers[one] = Server(dns.name.from_text(one))
    copies = _hear(walk, cut, servers, "SOA", cancel)
    return Delegation(
        zone=str(cut),
        delegated=tuple(sorted(map(text, above.servers))) if above else (),
        named=tuple(sorted(named)),
        problems={
            who: str(one) or "does not answer"
            for who, one in copies.items()
            if not isinstance(one, Answer) or not one.records
        },
        serials={
            who: one.records[0].serial
            for who, one in copies.items()
            if isinstance(one, Answer) and one.records
        },
    )


def _referral(walk: Walk, cut: Cut, cancel: threading.Event) -> Referral | None:
    """Return to whom the zone above leads; None where its servers serve the zone as well."""
    if cut.zone == dns.name.root:
        return None
    parent = walk.zone_of(cut.zone.parent())
    servers = {str(one): one for one in parent.servers}
    answers = _hear(walk, parent, servers, "NS", cancel, at=cut.zone)
    return next((one for one in answers.values() if isinstance(one, Referral)), None)


def _hear(
    walk: Walk,
    cut: Cut,
    servers: dict[str, Server],
    rdtype: str,
    cancel: threading.Event,
    at: dns.name.Name | None = None,
) -> dict[str, Answer | Referral | NoAnswer]:
    """Ask all at once; who does not answer is not waited for longer than the others."""
    crowd: Crowd[Answer | Referral] = Crowd(cancel)
    question = Question.of((at or cut.zone).to_text(), rdtype)
    for who, server in servers.items():
        crowd.start(who, partial(walk.look, cut, server, question))
    heard: dict[str, Answer | Referral | NoAnswer] = {
        who: NoAnswer("does not answer") for who in servers
    }
    deadline = time.monotonic() + _PATIENCE
    while came := crowd.next(deadline - time.monotonic()):
        heard[came[0]] = came[1]
    return heard
