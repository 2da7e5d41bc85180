"""One question to one name server, and what its reply means (RFC 1034, section 4.3; RFC 2308)."""

from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from msgspec import Struct

UDP_PATIENCE, TCP_PATIENCE = 1.0, 1.5
"""Seconds that a name server has for its reply."""

PAYLOAD = 1232
"""Octets of a reply over UDP that no path breaks into fragments (DNS flag day 2020)."""

LONGEST_CHAIN = 16
"""CNAMEs that are followed one after another."""


class NoAnswer(Exception):
    """A name server gave no valid answer: nothing, an error, or an answer without authority."""


class Silent(NoAnswer):
    """A name server gave no reply at all, over UDP and TCP."""


class Question(Struct, frozen=True):
    """What is asked: a name and a type of records."""

    name: dns.name.Name
    rdtype: dns.rdatatype.RdataType

    @classmethod
    def of(cls, name: str, rdtype: str) -> "Question":
        """Make one from an absolute name, with or without its final dot, and a mnemonic."""
        return cls(dns.name.from_text(name), dns.rdatatype.from_text(rdtype))


class Answer(Struct, frozen=True):
    """Records (dnspython's), or where an alias leads, or neither: the name has no such records.

    `ttl` is how many seconds they may be remembered, `apex` the name of the zone where the reply
    says it: when something is absent. One that is not `authoritative` may have been remembered for
    a while.
    """

    records: tuple[Any, ...] = ()
    alias: dns.name.Name | None = None
    apex: dns.name.Name | None = None
    authoritative: bool = True
    ttl: int | None = None

    def texts(self) -> frozenset[str]:
        """Return the values of TXT records, each with its character-strings joined."""
        return frozenset(b"".join(one.strings).decode(errors="replace") for one in self.records)


class Referral(Struct, frozen=True):
    """Who serves the zone below that has the answer; addresses are given where glue was."""

    zone: dns.name.Name
    servers: Mapping[dns.name.Name, tuple[str, ...]]


def ask(question: Question, address: str, port: int) -> dns.message.Message:
    """Ask over UDP, and over TCP where that gives no reply or half of one; raises NoAnswer."""
    query = dns.message.make_query(
        question.name, question.rdtype, flags=0, use_edns=0, payload=PAYLOAD
    )
    try:
        reply = _exchange(query, address, port)
        if reply.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
            query.use_edns(False)  # noqa: FBT003 - as old servers like it (RFC 6891, section 7)
            reply = _exchange(query, address, port)
    except (OSError, EOFError, dns.exception.Timeout):
        raise Silent("does not answer") from None
    except (ValueError, dns.exception.DNSException) as error:
        raise NoAnswer(f"answers nonsense: {error}") from None
    return reply


def _exchange(query: dns.message.Message, address: str, port: int) -> dns.message.Message:
    try:
        reply = dns.query.udp(
            query, address, UDP_PATIENCE, port, ignore_unexpected=True, ignore_errors=True
        )
        if not reply.flags & dns.flags.TC:
            return reply
    except dns.exception.Timeout:
        pass
    return dns.query.tcp(query, address, TCP_PATIENCE, port)


def read(reply: dns.message.Message, question: Question, zone: dns.name.Name) -> Answer | Referral:
    """Tell what a server of `zone` has answered; raises NoAnswer where it has no authority."""
    if reply.rcode() == dns.rcode.NOERROR and not reply.answer:
        referral = _referral(reply, question.name, zone)
        if referral:
            return referral
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise NoAnswer(f"answers {dns.rcode.to_text(reply.rcode())}")
    if not reply.flags & dns.flags.AA:
        raise NoAnswer("answers without authority")
    alias = records(reply, Question(question.name, dns.rdatatype.CNAME))
    found = records(reply, question)
    ttl = min((one.ttl for one in reply.answer if one.name == question.name), default=None)
    if found:
        return Answer(records=found, ttl=ttl)
    if alias:
        return Answer(alias=alias[0].target, ttl=ttl)
    return Answer(apex=_apex(reply, question.name, zone))


def records(reply: dns.message.Message, question: Question) -> tuple[Any, ...]:
    """Return the records in the answer that are exactly at the name and of the type."""
    found = reply.get_rrset(reply.answer, question.name, dns.rdataclass.IN, question.rdtype)
    return tuple(found or ())


def _referral(
    reply: dns.message.Message, name: dns.name.Name, zone: dns.name.Name
) -> Referral | None:
    """Return the referral; only to a zone below, so that no walk goes up or round in circles."""
    for rrset in reply.authority:
        below = rrset.name != zone and rrset.name.is_subdomain(zone)
        if rrset.rdtype == dns.rdatatype.NS and below and name.is_subdomain(rrset.name):
            servers = sorted(rdata.target for rdata in rrset)
            return Referral(rrset.name, {one: _glue(reply, one, zone) for one in servers})
    return None


def _glue(
    reply: dns.message.Message, server: dns.name.Name, zone: dns.name.Name
) -> tuple[str, ...]:
    """Return the addresses that came along, IPv4 first; a zone speaks for its own names only."""
    if not server.is_subdomain(zone):
        return ()
    return tuple(
        rdata.address
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for rdata in reply.get_rrset(reply.additional, server, dns.rdataclass.IN, rdtype) or ()
    )


def _apex(
    reply: dns.message.Message, name: dns.name.Name, zone: dns.name.Name
) -> dns.name.Name | None:
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
            return rrset.name if rrset.name.is_subdomain(zone) else None
    return None


def text(name: dns.name.Name) -> str:
    """Return a name as the rest of picdns has it: in lower case, without the final dot."""
    return name.to_text(omit_final_dot=True).lower()
