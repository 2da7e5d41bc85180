"""The walk from the roots: referrals, glue, servers that fail, and how far it goes."""

import dns.edns
import dns.message
import dns.rcode
import pytest

from picdns_core import ProviderUnavailable
from picdns_core.lookup import Shown
from picdns_core.testing import LocalInternet
from tests.lookup.conftest import Asking, Delegate, Serve
from tests.lookup.nameserver import Query, forward_to, refer_to, reply_to


def test_referrals_lead_to_the_zone_below(local_internet: LocalInternet, asking: Asking) -> None:
    """A zone within a zone is found by the referrals of each level."""
    local_internet.zone("walk-deep.test")
    local_internet.zone("sub.walk-deep.test").set("www", "A", "127.0.0.7")
    assert asking.address("www.sub.walk-deep.test") == "127.0.0.7"


def test_levels_above_are_asked_once(local_internet: LocalInternet, serve: Serve) -> None:
    """Who serves a zone is remembered, so that a second name costs no walk; answers are not."""
    zone = local_internet.zone("walk-once.test")
    root = serve(forward_to(local_internet.roots[0], local_internet.dns_port))
    asking = Asking(local_internet, roots=[root.address])
    assert asking.address("a.walk-once.test") == "127.0.0.1"
    assert len(root.asked) == 1
    zone.set("a", "A", "127.0.0.8")
    assert asking.address("a.walk-once.test") == "127.0.0.8"
    assert len(root.asked) == 1


def test_a_server_without_glue_is_found_by_a_walk_of_its_own(
    local_internet: LocalInternet, asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """A zone may be served by a host whose name is in another zone."""
    server = serve(lambda query: reply_to(query, "www.walk-glueless.test. 1 IN A 127.0.0.9"))
    local_internet.zone("walk-hoster.test").set("ns", "A", server.address)
    delegate("walk-glueless.test", {"ns.walk-hoster.test": ""})
    assert asking.address("www.walk-glueless.test") == "127.0.0.9"


def test_glue_of_others_is_not_believed(
    local_internet: LocalInternet, asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """A zone's server cannot say where a host of another zone is."""
    honest = serve(lambda query: reply_to(query, "www.walk-bail.test. 1 IN A 127.0.0.9"))
    false = serve(lambda query: reply_to(query, "www.walk-bail.test. 1 IN A 127.0.0.66"))
    local_internet.zone("walk-bailiwick.test").set("ns", "A", honest.address)
    referrer = serve(
        refer_to(
            "www.walk-bail.test.",
            "ns.walk-bailiwick.test.",
            f"ns.walk-bailiwick.test. 1 IN A {false.address}",
        )
    )
    delegate("walk-bail.test", {"ns.walk-bail.test": referrer.address})
    assert asking.address("www.walk-bail.test") == "127.0.0.9"
    assert false.asked == []


def test_ipv6_servers_are_asked(asking: Asking, delegate: Delegate, serve: Serve) -> None:
    """A server that has an IPv6 address only is asked where this host has IPv6."""
    serve(lambda query: reply_to(query, "www.walk-six.test. 1 IN A 127.0.0.9"), address="::1")
    delegate("walk-six.test", {"ns.walk-six.test": "::1"})
    assert asking.address("www.walk-six.test") == "127.0.0.9"


def test_ipv6_servers_without_a_route_are_left_out(
    asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """Where there is no way to an IPv6 address, the others are asked and nothing is said."""
    server = serve(lambda query: reply_to(query, "www.walk-seven.test. 1 IN A 127.0.0.9"))
    delegate(
        "walk-seven.test",
        {"six.walk-seven.test": "fe80::1", "four.walk-seven.test": server.address},
    )
    for _ in range(4):  # whoever is asked first
        assert asking.address("www.walk-seven.test") == "127.0.0.9"
    assert asking.said == []


def test_a_dead_server_is_passed_by(local_internet: LocalInternet, asking: Asking) -> None:
    """One of several servers is enough for an answer."""
    zone = local_internet.zone("walk-dead.test", servers=2)
    zone.servers[0].stop()
    for _ in range(4):
        assert asking.address("www.walk-dead.test") == "127.0.0.1"


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTAUTH])
def test_an_error_is_no_answer(
    asking: Asking, delegate: Delegate, serve: Serve, rcode: dns.rcode.Rcode
) -> None:
    """Whoever answers with an error is named when nobody else knows better."""
    server = serve(lambda query: reply_to(query, rcode=rcode))
    delegate("walk-error.test", {"ns.walk-error.test": server.address})
    with pytest.raises(ProviderUnavailable) as caught:
        asking.address("www.walk-error.test")
    assert f"ns.walk-error.test: answers {dns.rcode.to_text(rcode)}" in caught.value.message


def test_an_answer_without_authority_is_none(
    asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """A resolver in the NS set is not believed, nor taken for a network that intercepts."""
    lame = serve(
        lambda query: reply_to(query, "www.walk-lame.test. 1 IN A 127.0.0.66", authoritative=False)
    )
    delegate("walk-lame.test", {"ns.walk-lame.test": lame.address})
    with pytest.raises(ProviderUnavailable, match="answers without authority"):
        asking.address("www.walk-lame.test")
    assert asking.said == []


def test_a_referral_upwards_is_no_answer(asking: Asking, delegate: Delegate, serve: Serve) -> None:
    """Referrals lead down only, so that no walk goes round in circles."""
    server = serve(refer_to("test.", "ns1.test."))
    delegate("walk-up.test", {"ns.walk-up.test": server.address})
    with pytest.raises(ProviderUnavailable, match="answers without authority"):
        asking.address("www.walk-up.test")
    assert len(server.asked) == 1


def test_zones_that_wait_for_each_other_end(asking: Asking, delegate: Delegate) -> None:
    """Two zones whose servers' names are in the other one have no addresses to be found."""
    delegate("walk-here.test", {"ns.walk-there.test": ""})
    delegate("walk-there.test", {"ns.walk-here.test": ""})
    with pytest.raises(ProviderUnavailable, match="depends on too many other zones"):
        asking.address("www.walk-here.test")


def test_a_referral_to_very_many_servers_does_not_multiply_questions(
    asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """What one lookup asks is bounded, whatever zones refer to (NXNSAttack)."""

    def respond(query: Query) -> dns.message.Message:
        name = query.question[0].name.to_text()
        servers = tuple(f"{name} 1 IN NS ns{n}.x{n}.walk-nxns.test." for n in range(30))
        return reply_to(query, authority=servers, authoritative=False)

    server = serve(respond)
    delegate("walk-nxns.test", {"ns.walk-nxns.test": server.address})
    with pytest.raises(ProviderUnavailable):
        asking.address("www.walk-nxns.test")
    # Each of 60 questions may come twice: over UDP, and over TCP after a silence.
    assert 1 < len(server.asked) <= 120


def test_a_server_that_knows_no_edns_is_asked_without(
    asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """FORMERR to an extended question is followed by a plain one (RFC 6891, section 7)."""

    def respond(query: Query) -> dns.message.Message:
        if query.edns >= 0:
            return reply_to(query, rcode=dns.rcode.FORMERR)
        return reply_to(query, "www.walk-plain.test. 1 IN A 127.0.0.9")

    server = serve(respond)
    delegate("walk-plain.test", {"ns.walk-plain.test": server.address})
    assert asking.address("www.walk-plain.test") == "127.0.0.9"


def test_aliases_are_followed_into_other_zones(
    local_internet: LocalInternet, asking: Asking
) -> None:
    """An address is found at the end of CNAMEs, whichever zones they lead through."""
    local_internet.zone("walk-to.test").set("there", "A", "127.0.0.9")
    local_internet.zone("walk-from.test").set("here", "CNAME", "there.walk-to.test.")
    assert asking.address("here.walk-from.test") == "127.0.0.9"


def test_aliases_in_a_circle_end(local_internet: LocalInternet, asking: Asking) -> None:
    """A circle of CNAMEs is said to be one."""
    zone = local_internet.zone("walk-circle.test")
    zone.set("one", "CNAME", "two.walk-circle.test.")
    zone.set("two", "CNAME", "one.walk-circle.test.")
    with pytest.raises(ProviderUnavailable, match="round in circles"):
        asking.address("one.walk-circle.test")


def test_all_addresses_of_a_family_are_found(local_internet: LocalInternet, asking: Asking) -> None:
    """Others may stand beside ours; where there are none, none is shown, with authority."""
    zone = local_internet.zone("walk-both.test")
    zone.set("both", "A", "127.0.0.9", "127.0.0.8")
    zone.set("both", "AAAA", "2001:db8::9")
    found = asking.lookup.addresses("both.walk-both.test", "A")
    assert (sorted(map(str, found.addresses)), found.authoritative) == (
        ["127.0.0.8", "127.0.0.9"],
        True,
    )
    assert asking.address("both.walk-both.test", "AAAA") == "2001:db8::9"
    assert asking.lookup.addresses("walk-both.test", "AAAA") == Shown(
        addresses=frozenset(), authoritative=True
    )
