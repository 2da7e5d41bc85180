"""DNS over HTTPS (RFC 8484), for networks in which port 53 does not lead to public DNS."""

import threading

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import requests

from picdns_core.http import Session
from picdns_core.lookup.wire import LONGEST_CHAIN, Answer, NoAnswer, Question, records

_TYPE = "application/dns-message"
_TIMEOUT = (3.0, 4.0)
_LONGEST = 65535


class Resolver:
    """A recursive resolver behind HTTPS; used by many threads.

    It follows CNAMEs itself and has no authority. It may answer from its cache, so that what it
    does not know may be there all the same.
    """

    def __init__(self, url: str, ca_bundle: str | None) -> None:
        self.url = url
        self._session = Session(ca_bundle)
        self._lock = threading.Lock()

    def ask(self, question: Question) -> Answer:
        """Return the records at the end of the CNAMEs, if there are any; raises NoAnswer."""
        query = dns.message.make_query(question.name, question.rdtype, id=0)  # section 4.1
        try:
            reply = dns.message.from_wire(self._post(query.to_wire()))
        except (requests.RequestException, ValueError, dns.exception.DNSException) as error:
            raise NoAnswer(f"{self.url}: {type(error).__name__}") from None
        if not query.is_response(reply):
            raise NoAnswer(f"{self.url} answers another question")
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise NoAnswer(f"{self.url}: {dns.rcode.to_text(reply.rcode())}")
        return _end_of_chain(reply, question)

    def works(self) -> bool:
        """Tell whether it answers at all."""
        try:
            self.ask(Question.of(".", "SOA"))
        except NoAnswer:
            return False
        return True

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": _TYPE, "Accept": _TYPE}
        with (
            self._lock,
            self._session.post(
                self.url, data=body, headers=headers, timeout=_TIMEOUT, stream=True
            ) as answer,
        ):
            answer.raise_for_status()
            return answer.raw.read(_LONGEST, decode_content=True) or b""


def _end_of_chain(reply: dns.message.Message, question: Question) -> Answer:
    name = question.name
    for _ in range(LONGEST_CHAIN + 1):
        if found := records(reply, Question(name, question.rdtype)):
            return Answer(records=found, authoritative=False)
        alias = records(reply, Question(name, dns.rdatatype.CNAME))
        if not alias:
            return Answer(authoritative=False)
        name = alias[0].target
    raise NoAnswer("a chain of CNAMEs without end")
