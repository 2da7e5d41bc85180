"""Addresses and challenge values: in the zone as they were given, and nobody else's touched."""

import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address

import pytest

from picdns_core import Addresses, AuthenticationFailed, ForeignName, ProviderError, Publication
from picdns_core.testing import Fault, Hold
from picdns_core.testing.services.pic_ngo import PicNgo
from picdns_core.testing.serving import Request

from .conftest import ADDRESSES, OTHER_VALUE, VALUE, MakeTenant, Tenant, posts, published

CHALLENGE = ("_acme-challenge.home", "TXT")


class Forget(Fault):
    """The service loses its database just before it answers."""

    def __init__(self, service: PicNgo) -> None:
        self.service = service

    def before(self, request: Request) -> None:  # noqa: ARG002
        self.service.forget()


@pytest.fixture
def registered(tenant: Tenant) -> Tenant:
    tenant.register()
    return tenant


def test_addresses_are_those_of_the_name_and_all_below_it(
    registered: Tenant, service: PicNgo
) -> None:
    """A and AAAA, of the wildcard too."""
    assert registered.update_ip() == Publication(addresses=ADDRESSES, changed=True)
    assert registered.update_ip() == Publication(addresses=ADDRESSES, changed=False)
    assert published(service, "home") == {
        ("home", "A"): {"198.51.100.7"},
        ("*.home", "A"): {"198.51.100.7"},
        ("home", "AAAA"): {"2001:db8::7"},
        ("*.home", "AAAA"): {"2001:db8::7"},
    }


@pytest.mark.parametrize(
    ("known", "merged"),
    [
        (
            Addresses(ipv4=IPv4Address("198.51.100.8")),
            Addresses(ipv4=IPv4Address("198.51.100.8"), ipv6=ADDRESSES.ipv6),
        ),
        (
            Addresses(ipv6=IPv6Address("2001:db8::8")),
            Addresses(ipv4=ADDRESSES.ipv4, ipv6=IPv6Address("2001:db8::8")),
        ),
        (Addresses(), ADDRESSES),
    ],
)
def test_an_unknown_family_is_left_alone(
    registered: Tenant, known: Addresses, merged: Addresses
) -> None:
    """What is confirmed is what is published of both."""
    registered.update_ip()
    assert registered.update_ip(known).addresses == merged


def test_an_address_that_is_not_global_is_refused(registered: Tenant, service: PicNgo) -> None:
    """Neither family is changed, and the message names the address."""
    registered.update_ip()
    private = Addresses(ipv4=IPv4Address("192.168.1.7"), ipv6=IPv6Address("2001:db8::9"))
    with pytest.raises(ProviderError, match=r"does not publish 192\.168\.1\.7"):
        registered.update_ip(private)
    assert published(service, "home")["home", "AAAA"] == {"2001:db8::7"}


def test_values_stand_beside_each_other_and_go_one_by_one(
    registered: Tenant, service: PicNgo
) -> None:
    """Each as often as one likes."""
    for value in (VALUE, VALUE, OTHER_VALUE):
        registered.publish(value)
    assert published(service, "home")[CHALLENGE] == {VALUE, OTHER_VALUE}
    registered.withdraw(VALUE)
    registered.withdraw(VALUE)
    assert published(service, "home")[CHALLENGE] == {OTHER_VALUE}


def test_more_values_than_a_name_can_hold_are_refused(registered: Tenant) -> None:
    """Before one of those that are there would go."""
    for digit in "0123456789":
        registered.publish(digit + VALUE[1:])
    with pytest.raises(ProviderError, match="has as many values as it can hold"):
        registered.publish(VALUE)


@pytest.mark.parametrize(
    "place",
    [
        "_acme-challenge.home.example.org",
        "_acme-challenge.pic.ngo",
        "_acme-challenge.files.home.pic.ngo",
        "home.pic.ngo",
    ],
)
def test_values_go_nowhere_else(registered: Tenant, service: PicNgo, place: str) -> None:
    """A CNAME may lead to names that are not ours."""
    service.requests.clear()
    with pytest.raises(ForeignName, match="lets this cell write to _acme-challenge"):
        registered.publish(at=place)
    with pytest.raises(ForeignName):
        registered.withdraw(at=place)
    assert service.requests == []


def test_cells_cannot_touch_each_other(make_tenant: MakeTenant, service: PicNgo) -> None:
    """A token opens one name, and no act of its cell changes another."""
    mine, other = make_tenant("home"), make_tenant("neighbour")
    for cell in (mine, other):
        cell.register()
        cell.update_ip()
        cell.publish()
    before = published(service, "neighbour")
    other.name, victim = "home", other
    for act in (victim.publish, victim.update_ip):
        with pytest.raises(ForeignName):
            act()
    victim.withdraw()
    assert published(service, "home")[CHALLENGE] == {VALUE}
    mine.teardown()
    assert published(service, "neighbour") == before


@pytest.mark.parametrize("act", ["update_ip", "publish"])
def test_a_rejected_token_is_replaced_on_the_way(
    registered: Tenant, service: PicNgo, act: str
) -> None:
    """The service lost its database; the heartbeat brings the cell back."""
    service.forget()
    getattr(registered, act)()
    assert registered.is_registered()
    assert published(service, "home")
    assert len(posts(service)) == 2


def test_a_new_token_that_is_rejected_too_is_an_error(registered: Tenant, service: PicNgo) -> None:
    """One new registration for one call, and no more."""
    service.forget()
    service.on("PUT", "/challenges/", Forget(service))
    with pytest.raises(AuthenticationFailed, match="does not know the token of"):
        registered.publish()
    assert len(posts(service)) == 2


def test_withdrawing_registers_nothing(registered: Tenant, service: PicNgo) -> None:
    """With the registration its values are gone, with a token on disk and without."""
    service.forget()
    registered.withdraw()
    registered.secrets.delete("token")
    registered.withdraw()
    assert len(posts(service)) == 1


@pytest.mark.parametrize("act", ["update_ip", "publish", "withdraw"])
def test_without_a_token_nothing_is_registered_and_nothing_done(
    registered: Tenant, service: PicNgo, act: str
) -> None:
    """The name may be given back; whoever wants it again says so by `up`."""
    registered.publish()
    before = published(service, "home")
    registered.secrets.delete("token")
    with pytest.raises(
        AuthenticationFailed, match=r"There is no token of home\.pic\.ngo"
    ) as caught:
        getattr(registered, act)()
    assert "run `picdns up`" in caught.value.hint
    assert (len(posts(service)), published(service, "home")) == (1, before)


def test_a_teardown_on_the_way_is_not_undone(registered: Tenant, service: PicNgo) -> None:
    """A renewal sees its token rejected, and by then the name is given back."""
    service.forget()
    hold = Hold(at="reply")
    service.on("PUT", "/challenges/", hold, first=1)
    with ThreadPoolExecutor(1) as pool:
        renewal = pool.submit(registered.publish)
        assert hold.arrived.wait(10)
        registered.teardown()
        hold.released.set()
        failure = renewal.exception(10)
    assert isinstance(failure, AuthenticationFailed)
    assert registered.is_free("home")


def test_threads_that_see_a_token_rejected_register_once(
    registered: Tenant, service: PicNgo
) -> None:
    """The heartbeat and a renewal, at the same time; both succeed."""
    service.forget()
    hold = Hold(at="reply")
    service.on("PUT", "/challenges/", hold, first=1)
    renewal = threading.Thread(target=registered.publish)
    renewal.start()
    assert hold.arrived.wait(10)
    registered.update_ip()
    hold.released.set()
    renewal.join(10)
    assert published(service, "home")[CHALLENGE] == {VALUE}
    assert len(posts(service)) == 2
