"""One source asked over DNS, at its own server and never through a resolver of this host."""

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from picdns_core.address.echo import parse
from picdns_core.address.finding import Address, Family
from picdns_core.address.sources import Question
from picdns_core.lookup.wire import NoAnswer

_PATIENCE = 2.0


def ask(question: Question, family: Family) -> Address:
    """Return the address that the name server says; raises NoAnswer.

    The answer has to be a single record. Where a resolver asks Google in our place there are two,
    and one is the address of that resolver.
    """
    rdtype = dns.rdatatype.from_text(question.rdtype)
    rdclass = dns.rdataclass.from_text(question.rdclass)
    try:
        query = dns.message.make_query(question.name, rdtype, rdclass)
        reply = dns.query.udp(
            query,
            question.server,
            _PATIENCE,
            question.port,
            ignore_unexpected=True,
            ignore_errors=True,
        )
    except dns.exception.Timeout:
        raise NoAnswer("does not answer in time") from None
    except OSError:
        raise NoAnswer("cannot be reached") from None
    except dns.exception.DNSException as error:
        raise NoAnswer(f"cannot be asked: {error}") from None
    if reply.rcode() != dns.rcode.NOERROR:
        raise NoAnswer(f"answers {dns.rcode.to_text(reply.rcode())}")
    records = list(reply.get_rrset(reply.answer, query.question[0].name, rdclass, rdtype) or ())
    if len(records) != 1:
        raise NoAnswer(f"answers with {len(records)} records instead of one")
    [record] = records
    if rdtype != dns.rdatatype.TXT:
        return parse(record.address, family)
    return parse(b"".join(record.strings).decode("ascii", "replace"), family)
