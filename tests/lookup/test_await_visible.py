"""Waiting for TXT values: who is asked, how often, and what a quorum decides."""

import sys
import threading
from collections.abc import Iterator, Sequence

import pytest

from picdns_core import Cancelled, PropagationTimeout, TxtRecord
from picdns_core.testing import LocalInternet, Zone
from tests.lookup.conftest import PATIENCE, Asking, Delegate, Serve
from tests.lookup.nameserver import NameServer, Query, Reply, forward_to, reply_to


def record(zone: Zone, value: str = "right") -> TxtRecord:
    return TxtRecord(name=f"_acme-challenge.{zone.name}", value=value)


def txt(server: NameServer) -> int:
    """Count how often a server was asked for TXT."""
    return sum(asked.endswith(" txt") for asked in server.asked)


@pytest.fixture
def counted(
    local_internet: LocalInternet, delegate: Delegate, serve: Serve, request: pytest.FixtureRequest
) -> tuple[Zone, Sequence[NameServer]]:
    """A zone of three servers, each behind one that counts what is asked."""
    name = f"seen-{request.node.name.replace('_', '-')[5:50].strip('-')}.test"
    zone = local_internet.zone(name, servers=3)
    servers = [serve(forward_to(one.address, one.port)) for one in zone.servers]
    delegate(name, {f"c{n}.{name}": server.address for n, server in enumerate(servers)})
    return zone, servers


Counted = tuple[Zone, Sequence[NameServer]]


def test_what_is_visible_costs_one_look(counted: Counted, asking: Asking) -> None:
    """Each server is asked once for the value, and the zone is known from the challenge's name."""
    zone, servers = counted
    zone.set("_acme-challenge", "TXT", "other", "right")
    asking.lookup.challenge_name(zone.name)
    asking.lookup.await_visible([record(zone)])
    assert {asked.rpartition(" ")[2] for server in servers for asked in server.asked} == {
        "cname",
        "txt",
    }
    assert [txt(server) for server in servers] == [1, 1, 1]
    assert asking.said == []


def test_all_values_are_waited_for(counted: Counted, asking: Asking) -> None:
    """Two values at one name, as of an apex and its wildcard, are looked for together."""
    zone, servers = counted
    zone.set("_acme-challenge", "TXT", "one", "two")
    asking.lookup.await_visible([record(zone, "one"), record(zone, "two")])
    assert [txt(server) for server in servers] == [1, 1, 1]
    with pytest.raises(PropagationTimeout):
        asking.lookup.await_visible([record(zone, "one"), record(zone, "three")])


def test_pauses_grow(counted: Counted, asking: Asking) -> None:
    """A value that does not come is looked for ever more seldom, by an end."""
    zone, servers = counted
    with pytest.raises(PropagationTimeout) as caught:
        asking.lookup.await_visible([record(zone)])
    for server in servers:
        # Ten pauses of 20 ms, then each a twentieth of the time elapsed.
        assert 3 < txt(server) <= 35
    assert caught.value.message.startswith(f"The TXT value at _acme-challenge.{zone.name} is not ")
    assert f"c0.{zone.name}" in caught.value.message
    assert f"after {PATIENCE:.0f} s" in caught.value.message


def test_a_value_that_comes_later_is_seen(counted: Counted, asking: Asking) -> None:
    """The absence that was seen before is not remembered."""
    zone, servers = counted
    asked = threading.Event()
    forward = servers[0].respond

    def publish_then_answer(query: Query) -> Reply:
        if txt(servers[0]) == 3 and not asked.is_set():
            asked.set()
            zone.set("_acme-challenge", "TXT", "right")
        return forward(query)

    servers[0].respond = publish_then_answer
    asking.lookup.await_visible([record(zone)])
    assert asked.is_set()
    assert txt(servers[0]) == 3
    assert asking.said == []


def test_a_dead_minority_is_not_waited_for(counted: Counted, asking: Asking) -> None:
    """Two of three servers decide when the third does not answer."""
    zone, servers = counted
    servers[0].respond = lambda _: None
    zone.set("_acme-challenge", "TXT", "right")
    asking.lookup.await_visible([record(zone)])
    assert [txt(server) for server in servers[1:]] == [1, 1]
    assert asking.said == []


def test_servfail_of_a_minority_is_no_contradiction(counted: Counted, asking: Asking) -> None:
    """An error is no valid answer, and does not outvote those that answer."""
    zone, servers = counted
    servers[0].respond = lambda query: reply_to(query, rcode=2)
    zone.set("_acme-challenge", "TXT", "right")
    asking.lookup.await_visible([record(zone)])
    assert asking.said == []


def test_a_lagging_server_is_waited_for(counted: Counted, asking: Asking) -> None:
    """A minority that does not show the value yet gets its time, since the CA may ask it."""
    zone, servers = counted
    zone.set("_acme-challenge", "TXT", "right", servers=zone.servers[1:])
    forward = servers[0].respond

    def catch_up_then_answer(query: Query) -> Reply:
        if txt(servers[0]) == 2:
            zone.set("_acme-challenge", "TXT", "right", servers=zone.servers[:1])
        return forward(query)

    servers[0].respond = catch_up_then_answer
    asking.lookup.await_visible([record(zone)])
    assert txt(servers[0]) == 2
    assert [txt(server) for server in servers[1:]] == [1, 1]
    assert asking.said == []


def test_a_lagging_minority_is_named_at_last(counted: Counted, asking: Asking) -> None:
    """After its time the order goes on, with a warning that names the server."""
    zone, _ = counted
    zone.set("_acme-challenge", "TXT", "right", servers=zone.servers[1:])
    asking.lookup.await_visible([record(zone)])
    assert asking.said == [f"Not yet shown by c0.{zone.name}; going on, since others show it"]


def test_a_lying_minority_is_named_at_last(counted: Counted, asking: Asking) -> None:
    """A server that shows something else, with authority, is one that lacks the value."""
    zone, servers = counted
    zone.set("_acme-challenge", "TXT", "right")
    servers[2].respond = lambda query: reply_to(query, f"{query.question[0].name} 1 IN TXT wrong")
    asking.lookup.await_visible([record(zone)])
    assert asking.said == [f"Not yet shown by c2.{zone.name}; going on, since others show it"]


def test_a_lying_majority_stops_the_order(counted: Counted, asking: Asking) -> None:
    """One server that shows the value does not outvote two that do not have it."""
    zone, _ = counted
    zone.set("_acme-challenge", "TXT", "right", servers=zone.servers[:1])
    with pytest.raises(PropagationTimeout) as caught:
        asking.lookup.await_visible([record(zone)])
    assert f"c1.{zone.name}" in caught.value.message
    assert f"c0.{zone.name}" not in caught.value.message


def test_a_minority_that_answers_is_enough_when_the_rest_is_dead(
    counted: Counted, asking: Asking
) -> None:
    """One server that shows it and two that are silent: after a while the order goes on."""
    zone, servers = counted
    zone.set("_acme-challenge", "TXT", "right")
    servers[0].respond = servers[1].respond = lambda _: None
    asking.lookup.await_visible([record(zone)])
    (said,) = asking.said
    assert said.startswith("No answer from ")
    assert {f"c0.{zone.name}", f"c1.{zone.name}"} <= set(
        said.replace(",", " ").replace(";", " ").split()
    )


def test_unreachable_is_not_absent(counted: Counted, asking: Asking) -> None:
    """When nobody answers at all, the order goes on at the end, and it is said."""
    zone, servers = counted
    asking.lookup.challenge_name(zone.name)
    for server in servers:
        server.respond = lambda _: None
    asking.lookup.await_visible([record(zone)])
    assert asking.said == [
        f"No valid answer from the name servers of {zone.name}; going on, since it may be there"
    ]


def test_a_large_answer_is_read_over_tcp(counted: Counted, asking: Asking) -> None:
    """A truncated reply is asked for again; long values are joined from their strings."""
    zone, servers = counted
    values = [f"{n}-{'x' * 300}" for n in range(6)]
    zone.set("_acme-challenge", "TXT", *values)
    asking.lookup.await_visible([record(zone, value) for value in values])
    assert [txt(server) for server in servers] == [2, 2, 2]


def test_a_name_in_a_zone_of_its_own_is_asked_there(
    local_internet: LocalInternet, asking: Asking
) -> None:
    """A delegation made after the zone above was seen is followed."""
    above = local_internet.zone("seen-above.test")
    asking.lookup.challenge_name(above.name)
    below = local_internet.zone("_acme-challenge.seen-above.test")
    below.set("@", "TXT", "right")
    asking.lookup.await_visible([record(above)])
    assert asking.said == []


def test_servers_of_a_zone_below_are_found_where_one_serves_both(
    local_internet: LocalInternet, asking: Asking, delegate: Delegate, serve: Serve
) -> None:
    """A server of both zones gives no referral; all servers of the zone below are asked."""
    soa = "sub.seen-both.test. 1 IN SOA a.seen-both.test. h.seen-both.test. 1 1 1 1 1"
    asked_for = "_acme-challenge.sub.seen-both.test."

    def respond(query: Query) -> Reply:
        question = query.question[0]
        if question.to_text() == "sub.seen-both.test. IN NS":
            records = [f"sub.seen-both.test. 1 IN NS {n}.seen-both.test." for n in "ab"]
            return reply_to(query, *records)
        for host, server in (("a", both), ("b", below)):
            if question.to_text() == f"{host}.seen-both.test. IN A":
                return reply_to(query, f"{host}.seen-both.test. 1 IN A {server.address}")
        if question.to_text() == f"{asked_for} IN TXT":
            return reply_to(query, f"{asked_for} 1 IN TXT right")
        return reply_to(query, authority=(soa,))

    both = serve(respond)
    below = serve(respond)
    delegate("seen-both.test", {"a.seen-both.test": both.address})
    asking.lookup.await_visible([TxtRecord(name=asked_for.rstrip("."), value="right")])
    assert (txt(both), txt(below)) == (1, 1)


def test_it_stops_when_the_host_does(counted: Counted, asking: Asking) -> None:
    """A wait ends with the cell's, long before its own time is over."""
    zone, servers = counted
    asking = Asking(asking.net, patience=600)
    forward = servers[0].respond

    def stop_then_answer(query: Query) -> Reply:
        if txt(servers[0]) == 2:
            asking.cancel.set()
        return forward(query)

    servers[0].respond = stop_then_answer
    with pytest.raises(Cancelled):
        asking.lookup.await_visible([record(zone)])


@pytest.fixture
def audited() -> Iterator[list[tuple[str, object]]]:
    """What Python does that a resolver of the host would need, and to whom it sends."""
    events: list[tuple[str, object]] = []
    on = threading.Event()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if on.is_set() and event in ("socket.getaddrinfo", "socket.gethostbyname"):
            events.append((event, args[0]))
        elif on.is_set() and event in ("socket.connect", "socket.sendto"):
            events.append(("sent", args[1]))
        elif on.is_set() and event == "open" and str(args[0]).startswith("/etc/"):
            events.append(("read", args[0]))

    sys.addaudithook(hook)  # for ever, hence the switch
    on.set()
    yield events
    on.clear()


def test_no_resolver_of_the_host_is_asked(
    local_internet: LocalInternet, asking: Asking, audited: list[tuple[str, object]]
) -> None:
    """Split horizon or lies do not matter: only the servers of the tree are sent anything."""
    zone = local_internet.zone("seen-horizon.test", servers=2)
    zone.set("_acme-challenge", "TXT", "right")
    audited.clear()
    asking.lookup.challenge_name(zone.name)
    asking.lookup.await_visible([record(zone)])
    asking.lookup.caa(zone.name)
    tree = {(one.address, one.port) for level in local_internet.zones for one in level.servers}
    assert {event for event, _ in audited} == {"sent"}
    assert {address for _, address in audited} <= tree
