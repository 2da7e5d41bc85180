"""What each server with authority says of one name."""

import pytest

from picdns_core import ProviderUnavailable
from picdns_core.lookup.survey import Statement
from picdns_core.testing import LocalInternet
from tests.lookup.conftest import Asking, Delegate, Serve
from tests.lookup.nameserver import reply_to


def test_each_server_is_heard(local_internet: LocalInternet, asking: Asking) -> None:
    """Both families, and for how long they may be remembered."""
    zone = local_internet.zone("survey-two.test", servers=2)
    zone.set("www", "A", "192.0.2.1")
    zone.set("www", "AAAA", "2001:db8::1")
    survey = asking.lookup.survey("www.survey-two.test")
    assert (survey.zone, survey.aliases, survey.agree) == ("survey-two.test", (), True)
    assert survey.addresses == {"192.0.2.1", "2001:db8::1"}
    assert sorted(one.server for one in survey.statements) == sorted(
        server.hostname.rstrip(".") for server in zone.servers
    )
    assert {one.ttl for one in survey.statements} == {60}


def test_servers_that_disagree_are_seen(local_internet: LocalInternet, asking: Asking) -> None:
    """As when one lags behind: each statement tells who shows what."""
    zone = local_internet.zone("survey-lag.test", servers=2)
    zone.set("www", "A", "192.0.2.1")
    zone.set("www", "A", "192.0.2.2", servers=zone.servers[:1])
    survey = asking.lookup.survey("www.survey-lag.test")
    assert survey.agree is False
    assert {one.addresses for one in survey.statements} == {("192.0.2.1",), ("192.0.2.2",)}


def test_cnames_are_followed_into_other_zones(
    local_internet: LocalInternet, asking: Asking
) -> None:
    """Their targets are told, and the servers of the last one are heard."""
    local_internet.zone("survey-end.test").set("host", "A", "192.0.2.3")
    local_internet.zone("survey-alias.test").set("www", "CNAME", "host.survey-end.test.")
    survey = asking.lookup.survey("www.survey-alias.test")
    assert (survey.zone, survey.aliases) == ("survey-end.test", ("host.survey-end.test",))
    assert survey.addresses == {"192.0.2.3"}


def test_cnames_without_end_are_said(local_internet: LocalInternet, asking: Asking) -> None:
    """They are followed a few times and no more."""
    zone = local_internet.zone("survey-circle.test")
    zone.set("a", "CNAME", "b.survey-circle.test.")
    zone.set("b", "CNAME", "a.survey-circle.test.")
    assert asking.lookup.survey("a.survey-circle.test").problem == "the CNAMEs have no end"


def test_a_server_that_does_not_answer_is_named(
    local_internet: LocalInternet, asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """The others are heard all the same."""
    good = serve(lambda query: reply_to(query, "www.survey-lame.test. 30 IN A 192.0.2.4"))
    silent = f"{good.address.rpartition('.')[0]}.200"
    delegate("survey-lame.test", {"a.survey-lame.test": good.address, "b.survey-lame.test": silent})
    survey = asking.lookup.survey("www.survey-lame.test")
    problems = {one.server: one.problem for one in survey.statements}
    assert problems["b.survey-lame.test"] == "does not answer"


def test_a_domain_that_nobody_answers_for_is_an_error(
    asking: Asking, delegate: Delegate, local_internet: LocalInternet
) -> None:
    """It tells how far the walk came."""
    silent = f"{local_internet.roots[0].rpartition('.')[0]}.201"
    delegate("survey-dead.test", {"ns.survey-dead.test": silent})
    with pytest.raises(ProviderUnavailable, match=r"No name server of survey-dead\.test"):
        asking.lookup.survey("www.survey-dead.test")


def test_a_name_without_addresses_has_none(asking: Asking, local_internet: LocalInternet) -> None:
    """The zone and its servers are told all the same."""
    zone = local_internet.zone("survey-none.test")
    zone.delete("*", "A")
    survey = asking.lookup.survey("www.survey-none.test")
    assert (survey.zone, survey.addresses) == ("survey-none.test", frozenset())
    assert survey.statements == (
        Statement(server=zone.servers[0].hostname.rstrip("."), addresses=()),
    )
