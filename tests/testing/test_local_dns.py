"""The DNS tree: referrals, authority and what the resolver makes of it."""

from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from picdns_core.testing import LocalInternet, Zone, ZoneRefused
from picdns_core.testing.knot import TransactionKey


def ask(
    net: LocalInternet, address: str, name: str, rdtype: str = "A", *, recurse: bool = False
) -> dns.message.Message:
    """Ask one server one question over UDP."""
    query = dns.message.make_query(name, rdtype, flags=dns.flags.RD if recurse else 0)
    return dns.query.udp(query, address, timeout=5, port=net.dns_port)


def resolve(net: LocalInternet, name: str, rdtype: str = "A") -> dns.message.Message:
    """Ask the resolver."""
    return ask(net, net.unbound.address, name, rdtype, recurse=True)


@pytest.fixture
def zone(local_internet: LocalInternet) -> Iterator[Zone]:
    """The zone `home.test`, put back afterwards."""
    zone = local_internet.zone("home.test")
    before = set(zone.records())
    yield zone
    for name, rdtype in set(zone.records()) - before:
        zone.delete(name, rdtype)


def test_the_root_refers_to_the_top_level_domain(local_internet: LocalInternet, zone: Zone) -> None:
    """The root answers a question about a zone with who knows more, and no authority."""
    reply = ask(local_internet, local_internet.roots[0], zone.name)
    assert not reply.flags & dns.flags.AA
    assert reply.answer == []
    assert reply.authority[0].name.to_text() == "test."
    (glue,) = reply.additional
    assert ask(local_internet, glue[0].to_text(), "test", "SOA").flags & dns.flags.AA


def test_a_walk_from_the_root_ends_at_authority(local_internet: LocalInternet, zone: Zone) -> None:
    """Following the glue from the root leads to the zone's own server, which has authority."""
    address = local_internet.roots[0]
    asked = []
    while True:
        asked.append(address)
        reply = ask(local_internet, address, f"anything.{zone.name}")
        if reply.flags & dns.flags.AA:
            break
        address = reply.additional[0][0].to_text()
    assert len(set(asked)) == 3
    assert reply.answer[0][0].to_text() == "127.0.0.1"


def test_what_was_set_is_answered_at_once(local_internet: LocalInternet, zone: Zone) -> None:
    """A change is seen by the very next question, also where the name was absent before."""
    name = f"_acme-challenge.{zone.name}"
    assert resolve(local_internet, name, "TXT").answer == []
    zone.set("_acme-challenge", "TXT", "first", "second")
    assert {'"first"', '"second"'} == {
        r.to_text() for r in resolve(local_internet, name, "TXT").answer[0]
    }
    zone.set("_acme-challenge", "TXT", "third")
    assert [r.to_text() for r in resolve(local_internet, name, "TXT").answer[0]] == ['"third"']


def test_records_come_back_as_they_were_set(zone: Zone) -> None:
    """A transfer returns names and values in the form in which they are set."""
    long_text = "x" * 400
    zone.set("long", "TXT", long_text)
    zone.set("_acme-challenge.www", "CNAME", "elsewhere.example.")
    zone.set("v6", "AAAA", "2001:db8::1", "2001:db8::2")
    records = zone.records()
    assert {long_text} == records[("long", "TXT")]
    assert {"elsewhere.example."} == records[("_acme-challenge.www", "CNAME")]
    assert {"2001:db8::1", "2001:db8::2"} == records[("v6", "AAAA")]


def test_deleting_can_be_exact(zone: Zone) -> None:
    """One value, one type or a whole name goes, and deleting the absent is no error."""
    zone.set("many", "TXT", "a", "b")
    zone.set("many", "A", "127.0.0.2")
    zone.delete("many", "TXT", "a")
    assert {"b"} == zone.records()[("many", "TXT")]
    zone.delete("many", "TXT")
    assert ("many", "TXT") not in zone.records()
    zone.delete("many")
    zone.delete("many")
    assert ("many", "A") not in zone.records()


def test_a_cname_takes_the_place_of_other_records(zone: Zone) -> None:
    """A name that becomes an alias has nothing else, and the other way round."""
    zone.set("alias", "A", "127.0.0.2")
    zone.set("alias", "CNAME", "www.home.test.")
    assert {("alias", "CNAME")} == {key for key in zone.records() if key[0] == "alias"}
    zone.set("alias", "A", "127.0.0.2")
    assert {("alias", "A")} == {key for key in zone.records() if key[0] == "alias"}


def test_serials_grow(zone: Zone) -> None:
    """Each change of a zone has a higher serial."""
    before = zone.serial
    zone.set("new", "A", "127.0.0.2")
    assert zone.serial > before


def test_the_resolver_follows_a_cname_across_zones(
    local_internet: LocalInternet, zone: Zone
) -> None:
    """A challenge name that is delegated to another operator's zone is found there."""
    validation = local_internet.zone("validation.example")
    validation.set("home", "TXT", "proof")
    zone.set("_acme-challenge", "CNAME", "home.validation.example.")
    reply = resolve(local_internet, f"_acme-challenge.{zone.name}", "TXT")
    assert [rdata.to_text() for rdata in reply.answer[-1]] == ['"proof"']


def test_a_zone_can_lie_in_another_zone(local_internet: LocalInternet, zone: Zone) -> None:
    """A zone below a zone is delegated from there."""
    inner = local_internet.zone(f"inner.{zone.name}")
    inner.set("@", "A", "127.0.0.9")
    reply = ask(local_internet, zone.servers[0].address, inner.name)
    assert not reply.flags & dns.flags.AA
    assert resolve(local_internet, inner.name).answer[0][0].to_text() == "127.0.0.9"


def test_an_unknown_name_does_not_exist(local_internet: LocalInternet) -> None:
    """The resolver says NXDOMAIN for a name that no zone has."""
    assert resolve(local_internet, "nobody.test").rcode() == dns.rcode.NXDOMAIN


def test_all_levels_are_known_to_the_resolver(local_internet: LocalInternet) -> None:
    """Nothing that the resolver is asked can leave this machine: it has the root as well."""
    assert {".", "test"} < {zone.name or "." for zone in local_internet.zones}
    assert resolve(local_internet, "nobody.invalid").rcode() == dns.rcode.NXDOMAIN


def test_servers_of_one_zone_can_disagree_or_be_down(local_internet: LocalInternet) -> None:
    """A test can let one server of a zone lag behind, or stop it, while the other answers."""
    zone = local_internet.zone("two.test", servers=2)
    first, second = zone.servers
    zone.set("www", "A", "127.0.0.2")
    zone.set("www", "A", "127.0.0.3", servers=[first])
    answers = [
        ask(local_internet, server.address, "www.two.test").answer[0][0].to_text()
        for server in (first, second)
    ]
    assert answers == ["127.0.0.3", "127.0.0.2"]
    first.stop()
    assert resolve(local_internet, "www.two.test").answer[0][0].to_text() == "127.0.0.2"
    first.start()
    assert {"127.0.0.3"} == zone.records(first)[("www", "A")]


def test_only_who_holds_the_key_may_write(zone: Zone) -> None:
    """A change that is signed with another key is refused, and the error says by whom."""
    server = zone.servers[0]
    right, server.key = server.key, TransactionKey.random()
    try:
        with pytest.raises(ZoneRefused, match=server.address):
            zone.set("intruder", "A", "127.0.0.2")
    finally:
        server.key = right
    assert ("intruder", "A") not in zone.records()
