"""Where the challenge of a name belongs: at its own place, or where CNAMEs lead."""

import pytest

from picdns_core import ChallengeFailed
from picdns_core.testing import LocalInternet
from tests.lookup.conftest import Asking, Delegate, Serve
from tests.lookup.nameserver import reply_to


def test_without_a_cname_it_is_at_the_name_itself(
    local_internet: LocalInternet, asking: Asking
) -> None:
    """A wildcard name is proven at the same place as its base; nothing is said."""
    local_internet.zone("place-a.test")
    assert asking.lookup.challenge_name("place-a.test") == "_acme-challenge.place-a.test"
    assert asking.lookup.challenge_name("*.place-a.test") == "_acme-challenge.place-a.test"
    assert asking.said == []


def test_cnames_lead_into_another_zone(local_internet: LocalInternet, asking: Asking) -> None:
    """A chain through several zones is followed to its end, where nothing needs to be yet."""
    local_internet.zone("place-b.test").set("_acme-challenge.www", "CNAME", "Hop.Place-C.test.")
    local_internet.zone("place-c.test").set("hop", "CNAME", "end.of.place-d.test.")
    local_internet.zone("place-d.test").delete("*")
    assert asking.lookup.challenge_name("www.place-b.test") == "end.of.place-d.test"


def test_a_wildcard_cname_is_one(local_internet: LocalInternet, asking: Asking) -> None:
    """A wildcard CNAME answers for the challenge's name too."""
    zone = local_internet.zone("place-e.test")
    zone.delete("*")
    zone.set("*", "CNAME", "home.place-f.test.")
    local_internet.zone("place-f.test")
    assert asking.lookup.challenge_name("place-e.test") == "home.place-f.test"
    zone.set("_acme-challenge", "TXT", "a value")
    assert asking.lookup.challenge_name("place-e.test") == "_acme-challenge.place-e.test"


def test_a_circle_is_said(local_internet: LocalInternet, asking: Asking) -> None:
    """No CA could follow a circle of CNAMEs, so none is asked to."""
    zone = local_internet.zone("place-g.test")
    zone.set("_acme-challenge", "CNAME", "again.place-g.test.")
    zone.set("again", "CNAME", "_acme-challenge.place-g.test.")
    with pytest.raises(ChallengeFailed) as caught:
        asking.lookup.challenge_name("place-g.test")
    assert "_acme-challenge.place-g.test go round in circles" in caught.value.message
    assert "Remove the CNAME at _acme-challenge.place-g.test" in caught.value.hint


def test_an_endless_chain_is_said(asking: Asking, delegate: Delegate, serve: Serve) -> None:
    """A server that always knows one more alias is left after sixteen of them."""
    server = serve(
        lambda query: reply_to(
            query, f"{query.question[0].name} 1 IN CNAME x{len(server.asked)}.place-h.test."
        )
    )
    delegate("place-h.test", {"ns.place-h.test": server.address})
    with pytest.raises(ChallengeFailed):
        asking.lookup.challenge_name("place-h.test")
    assert len(server.asked) == 16


def test_a_name_that_dns_does_not_answer_for_is_taken_as_it_is(
    asking: Asking, delegate: Delegate
) -> None:
    """The order goes on, and what is missing is said."""
    delegate("place-i.test", {"ns.place-i.test": "127.0.0.2"})
    assert asking.lookup.challenge_name("place-i.test") == "_acme-challenge.place-i.test"
    (said,) = asking.said
    assert "(ns.place-i.test: does not answer): going on as if there was no CNAME" in said
