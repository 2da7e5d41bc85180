"""A network that does not let port 53 through: noticed, said, and gone round over HTTPS."""

import base64
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from picdns_core import ProviderUnavailable, TxtRecord
from picdns_core.testing import HttpServer, LocalInternet, Reply, Request
from tests.lookup.conftest import PATIENCE, Asking, Serve
from tests.lookup.nameserver import Query, Respond, forward_to, reply_to

INTERCEPTED = "Port 53 is intercepted by this network; asking over HTTPS"
BLOCKED = "Port 53 is blocked by this network; asking over HTTPS"
NO_WAY = "Port 53 is blocked by this network, and no DNS over HTTPS answers"


class DohServer(HttpServer):
    """Answers RFC 8484 questions by what the resolver says."""

    def __init__(self, net: LocalInternet) -> None:
        self.net = net
        self.down = False
        self.says: bytes | None = None
        self.hides: set[str] = set()
        self.questions: list[str] = []
        super().__init__(net.authority.issue("127.0.0.1"))

    def respond(self, request: Request) -> Reply:
        if self.down or request.method != "POST":
            return Reply(503)
        if self.says is not None:
            return Reply(200, (), self.says)
        assert request.header("Content-Type") == "application/dns-message"
        query = dns.message.from_wire(request.body)
        assert query.id == 0
        assert query.flags & dns.flags.RD
        self.questions.append(query.question[0].to_text().replace(" IN", ""))
        if self.questions[-1] in self.hides:
            assert isinstance(query, Query)
            answer = reply_to(query, rcode=dns.rcode.NXDOMAIN, authoritative=False)
        else:
            where = self.net.unbound.address
            answer = dns.query.tcp(query, where, timeout=5, port=self.net.dns_port)
        headers = (("Content-Type", "application/dns-message"),)
        return Reply(200, headers, answer.to_wire())


@pytest.fixture
def doh(local_internet: LocalInternet) -> Iterator[DohServer]:
    with DohServer(local_internet) as server:
        yield server


def from_the_cache(net: LocalInternet) -> Respond:
    """Answer everything as a resolver does, from wherever it is asked."""
    forward = forward_to(net.unbound.address, net.dns_port)

    def respond(query: Query) -> dns.message.Message | None:
        query.flags |= dns.flags.RD
        return forward(query)

    return respond


def behind(net: LocalInternet, root: str, *urls: str, patience: float = PATIENCE) -> Asking:
    doh = tuple(f"{url}/dns-query" for url in urls)
    return Asking(net, roots=[root], doh=doh, patience=patience)


def test_an_intercepted_port_is_noticed(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """A root server that answers without authority is none; all is asked over HTTPS from then."""
    zone = local_internet.zone("doh-a.test")
    local_internet.zone("doh-b.test")
    zone.set("_acme-challenge", "CNAME", "_acme-challenge.doh-b.test.")
    zone.set("@", "CAA", '0 issue "ca.test"')
    root = serve(from_the_cache(local_internet))
    asking = behind(local_internet, root.address, doh.url)
    assert asking.lookup.challenge_name("doh-a.test") == "_acme-challenge.doh-b.test"
    asked = len(root.asked)
    assert [record.value for record in asking.lookup.caa("www.doh-a.test")] == ["ca.test"]
    assert asking.address("www.doh-a.test") == "127.0.0.1"
    assert len(root.asked) == asked
    assert asking.said == [INTERCEPTED]


def test_a_root_that_answers_with_forged_authority_is_noticed(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """A root server refers; one that knows an address itself is a box in between."""
    local_internet.zone("doh-c.test")
    root = serve(lambda query: reply_to(query, f"{query.question[0].name} 1 IN A 127.0.0.66"))
    asking = behind(local_internet, root.address, doh.url)
    assert asking.address("www.doh-c.test") == "127.0.0.1"
    assert asking.said == [INTERCEPTED]


def test_a_box_that_refuses_questions_to_the_roots_is_noticed(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """Many resolvers refuse questions that do not ask for recursion."""
    local_internet.zone("doh-d.test")
    root = serve(lambda query: reply_to(query, rcode=dns.rcode.REFUSED, authoritative=False))
    asking = behind(local_internet, root.address, doh.url)
    assert asking.address("www.doh-d.test") == "127.0.0.1"
    assert asking.said == [INTERCEPTED]


def test_a_box_that_refers_from_its_cache_is_noticed(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """What looks like a referral leads to the same box, which refers to itself again."""
    local_internet.zone("doh-e.test")

    def respond(query: Query) -> dns.message.Message:
        name = query.question[0].name.to_text()
        if name == ".":
            return reply_to(query, ". 1 IN SOA a. b. 1 1 1 1 1", authoritative=False)
        return reply_to(
            query,
            authority=("test. 1 IN NS ns1.test.",),
            additional=(f"ns1.test. 1 IN A {box.address}",),
            authoritative=False,
        )

    box = serve(respond)
    asking = behind(local_internet, box.address, doh.url)
    assert asking.address("www.doh-e.test") == "127.0.0.1"
    assert asking.said == [INTERCEPTED]


def test_values_are_awaited_over_https(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """A resolver that shows the value is enough."""
    zone = local_internet.zone("doh-f.test")
    zone.set("_acme-challenge", "TXT", "right")
    root = serve(lambda _: None)
    asking = behind(local_internet, root.address, doh.url)
    asking.lookup.await_visible([TxtRecord(name="_acme-challenge.doh-f.test", value="right")])
    assert asking.said == [BLOCKED]
    assert doh.questions.count("_acme-challenge.doh-f.test. TXT") == 1


def test_a_resolver_that_remembers_an_absence_does_not_hold_up_others(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """The question for a CNAME fills one resolver's cache; the other one has a fresh look."""
    zone = local_internet.zone("doh-g.test")
    zone.set("_acme-challenge", "TXT", "right")
    doh.hides = {"_acme-challenge.doh-g.test. TXT"}
    root = serve(lambda query: reply_to(query, rcode=dns.rcode.SERVFAIL))
    with DohServer(local_internet) as other:
        asking = behind(local_internet, root.address, doh.url, other.url)
        asking.lookup.await_visible([TxtRecord(name="_acme-challenge.doh-g.test", value="right")])
    assert asking.said == [INTERCEPTED]


def test_what_a_cache_does_not_show_may_be_there(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """Resolvers have no authority: at the end the order goes on with a warning."""
    local_internet.zone("doh-h.test")
    root = serve(lambda query: reply_to(query, rcode=dns.rcode.SERVFAIL))
    asking = behind(local_internet, root.address, doh.url)
    asking.lookup.await_visible([TxtRecord(name="_acme-challenge.doh-h.test", value="right")])
    assert asking.said == [
        INTERCEPTED,
        "Not seen yet by resolvers over HTTPS, which may remember; going on",
    ]


def test_the_next_resolver_is_asked_when_one_is_down(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """The URLs are tried in turn."""
    local_internet.zone("doh-i.test")
    root = serve(lambda query: reply_to(query, rcode=dns.rcode.SERVFAIL))
    with DohServer(local_internet) as other:
        other.down = True
        asking = behind(local_internet, root.address, other.url, doh.url)
        assert asking.address("www.doh-i.test") == "127.0.0.1"
    assert asking.said == [INTERCEPTED]


@pytest.mark.parametrize("configured", [True, False])
def test_without_any_way_the_order_goes_on(
    local_internet: LocalInternet, serve: Serve, doh: DohServer, *, configured: bool
) -> None:
    """When neither port 53 nor HTTPS answers, each question ends soon, with what is known."""
    doh.down = True
    root = serve(lambda _: None)
    urls = [doh.url] if configured else []
    asking = behind(local_internet, root.address, *urls, patience=600)
    assert asking.lookup.challenge_name("doh-j.test") == "_acme-challenge.doh-j.test"
    asking.lookup.await_visible([TxtRecord(name="_acme-challenge.doh-j.test", value="right")])
    with pytest.raises(ProviderUnavailable) as caught:
        asking.lookup.caa("doh-j.test")
    assert "does not say what CAA records doh-j.test has" in caught.value.message
    assert asking.said[0] == NO_WAY
    assert asking.said[-1] == (
        "No valid answer from the name servers of the root; going on, since it may be there"
    )
    assert asking.said.count(NO_WAY) == 1


def test_an_outage_is_not_for_ever(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """When HTTPS fails in its turn, port 53 is tried again."""
    local_internet.zone("doh-k.test")
    silent = serve(lambda _: None)
    asking = behind(local_internet, silent.address, doh.url)
    asking.address("www.doh-k.test")
    doh.down = True
    with pytest.raises(ProviderUnavailable):
        asking.address("www.doh-k.test")
    silent.respond = forward_to(local_internet.roots[0], local_internet.dns_port)
    assert asking.address("www.doh-k.test") == "127.0.0.1"


def test_nonsense_over_https_is_no_answer(
    local_internet: LocalInternet, serve: Serve, doh: DohServer
) -> None:
    """A captive portal's page, or the answer to another question, is not believed."""
    root = serve(lambda query: reply_to(query, rcode=dns.rcode.SERVFAIL))
    other = dns.message.make_response(dns.message.make_query("other.test", "A", id=0)).to_wire()
    for body in (b"<html>Log in first</html>", base64.b64encode(other), other, b""):
        doh.says = body
        asking = behind(local_internet, root.address, doh.url)
        with pytest.raises(ProviderUnavailable):
            asking.address("www.doh-l.test")
        assert asking.said == [NO_WAY.replace("blocked", "intercepted")]


def test_port_53_is_tried_again_after_an_hour(
    local_internet: LocalInternet,
    serve: Serve,
    doh: DohServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who asks for years does not go round for ever because of one bad moment."""
    local_internet.zone("doh-m.test")
    root = serve(lambda _: None)
    asking = behind(local_internet, root.address, doh.url)
    assert asking.lookup.addresses("www.doh-m.test", "A").authoritative is False
    root.respond = forward_to(local_internet.roots[0], local_internet.dns_port)
    assert asking.lookup.addresses("www.doh-m.test", "A").authoritative is False
    later = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert asking.lookup.addresses("www.doh-m.test", "A").authoritative is True
