"""CAA, as it stands in real zones, and what it means for an order."""

import threading

import pytest

from picdns_core import OrderRefused, Step
from picdns_core.issuing.caa import check_caa
from picdns_core.lookup import Lookup
from picdns_core.settings import DnsSettings
from picdns_core.testing import LocalInternet, Zone

CA = "ca.test"
ACCOUNT = "https://ca.test/acme/acct/7"


class Checking:
    """A zone, and the check of what it says."""

    def __init__(self, net: LocalInternet, zone: Zone) -> None:
        self.zone = zone
        self.steps: list[Step] = []
        self.lookup = Lookup(
            DnsSettings(roots=net.roots, port=net.dns_port, doh=()),
            cancel=threading.Event(),
            progress=self.steps.append,
        )

    def check(self, *names: str, identities: tuple[str, ...] = (CA,)) -> None:
        check_caa(self.lookup, names, identities, ACCOUNT, "dns-01")

    def refusal(self, *names: str) -> OrderRefused:
        with pytest.raises(OrderRefused) as caught:
            self.check(*names)
        return caught.value


@pytest.fixture
def caa(local_internet: LocalInternet) -> Checking:
    zone = local_internet.zone("caa.test")
    for name, rdtype in zone.records():
        if rdtype == "CAA":
            zone.delete(name, "CAA")
    return Checking(local_internet, zone)


PERMITS = [
    f'0 issue "{CA}"',
    f'0 ISSUE "{CA.upper()}"',
    f'0 issue " {CA} ; "',
    f'0 issue "{CA}; accounturi={ACCOUNT}"',
    f'0 issue "{CA}; accounturi = {ACCOUNT} ;validationmethods=http-01,dns-01"',
    f'0 issue "{CA}; unknown=parameter"',
    f'128 issue "{CA}"',
    '0 iodef "mailto:hostmaster@caa.test"',
    '128 iodef "mailto:hostmaster@caa.test"',
    '0 tbs "unknown, and not critical"',
    '0 issuewild ";"',
]

FORBIDS = [
    '0 issue ";"',
    '0 issue ""',
    '0 issue "other.test"',
    f'0 issue "{CA}; accounturi=https://ca.test/acme/acct/8"',
    f'0 issue "{CA}; accounturi={ACCOUNT}; accounturi={ACCOUNT}"',
    f'0 issue "{CA}; validationmethods=http-01"',
    f'0 issue "{CA}; validationmethods="',
    f'0 issue "{CA} other.test"',
    f'0 issue "{CA}; malformed"',
    f'0 issue "{CA}; a b=c"',
    f'0 issue "-{CA}"',
]


@pytest.mark.parametrize("record", PERMITS)
def test_what_permits(caa: Checking, record: str) -> None:
    """A value that names the CA, this account and this method; or none that is about it."""
    caa.zone.set("@", "CAA", record)
    caa.check("caa.test", "www.caa.test")
    assert caa.steps == []


@pytest.mark.parametrize("record", FORBIDS)
def test_what_forbids(caa: Checking, record: str) -> None:
    """Everything else, values that break the grammar included (RFC 8659, section 4.2)."""
    caa.zone.set("@", "CAA", record)
    assert f"`caa.test. CAA {record}`" in caa.refusal("www.caa.test").message


def test_one_record_that_permits_is_enough(caa: Checking) -> None:
    """Records add up, and a malformed one beside does no harm."""
    caa.zone.set("@", "CAA", '0 issue "other.test"', '0 issue "%%"', f'0 issue "{CA}"')
    caa.check("caa.test")
    assert caa.steps == []


def test_a_refusal_says_what_stands_and_what_to_add(caa: Checking) -> None:
    """The record as it stands, where, who set it, and the one that lets the CA issue."""
    caa.zone.set("@", "CAA", '0 issue "other.test"')
    refusal = caa.refusal("files.caa.test")
    assert refusal.message == (
        "files.caa.test: CAA does not let ca.test issue by dns-01 for this account: "
        '`caa.test. CAA 0 issue "other.test"`. No order was sent; what is served stays so.'
    )
    assert refusal.hint == (
        "Whoever manages the DNS of caa.test has set this. Add there: "
        'caa.test. CAA 0 issue "ca.test"'
    )


def test_the_nearest_records_are_the_relevant_ones(caa: Checking) -> None:
    """What stands at the name itself outweighs what stands above it, in full."""
    caa.zone.set("@", "CAA", '0 issue ";"')
    caa.zone.set("www", "CAA", f'0 issue "{CA}"')
    caa.check("www.caa.test", "below.www.caa.test")
    caa.refusal("other.caa.test")


def test_a_wildcard_has_records_of_its_own(caa: Checking) -> None:
    """`issuewild` decides for wildcards where there is any, and for nothing else."""
    caa.zone.set("@", "CAA", f'0 issue "{CA}"', '0 issuewild "other.test"')
    caa.check("caa.test")
    refusal = caa.refusal("caa.test", "*.caa.test")
    assert refusal.message.startswith("*.caa.test: CAA does not let ca.test issue")
    assert refusal.hint.endswith('caa.test. CAA 0 issuewild "ca.test"')
    caa.zone.set("@", "CAA", '0 issue ";"', f'0 issuewild "{CA}"')
    caa.check("*.caa.test")
    caa.zone.set("@", "CAA", '0 issue ";"')
    caa.refusal("*.caa.test")


def test_an_unknown_critical_tag_forbids(caa: Checking) -> None:
    """A CA that does not understand a critical record must not issue."""
    caa.zone.set("@", "CAA", f'0 issue "{CA}"', '128 tbs "unknown"')
    refusal = caa.refusal("caa.test")
    assert '`caa.test. CAA 128 tbs "unknown"` is marked as critical' in refusal.message
    assert "remove it there" in refusal.hint


def test_aliases_are_followed_at_each_level(local_internet: LocalInternet, caa: Checking) -> None:
    """Records at an alias's target count; what stands above the target does not."""
    target = local_internet.zone("caa-target.test")
    target.set("@", "CAA", '0 issue ";"')
    caa.zone.set("www", "CNAME", "host.caa-target.test.")
    caa.check("www.caa.test")
    target.set("host", "CAA", '0 issue "other.test"')
    caa.refusal("www.caa.test")
    caa.zone.delete("www")
    target.delete("host")


def test_records_of_a_top_level_domain_count(local_internet: LocalInternet, caa: Checking) -> None:
    """The climb ends below the root only."""
    above = local_internet.zone("caa-top")
    try:
        above.set("@", "CAA", '0 issue "other.test"')
        assert "`caa-top. CAA" in caa.refusal("home.caa-top").message
    finally:
        above.delete("@", "CAA")


def test_a_ca_without_identities_is_not_checked(caa: Checking) -> None:
    """Where the directory says nothing, there is nothing to compare with, and DNS is not asked."""
    caa.zone.set("@", "CAA", '0 issue ";"')
    caa.check("caa.test", identities=())


def test_where_dns_does_not_answer_the_ca_decides(local_internet: LocalInternet) -> None:
    """An outage here is no reason to leave the order out, but it is said."""
    zone = local_internet.zone("caa-dead.test")
    caa = Checking(local_internet, zone)
    zone.servers[0].stop()
    caa.check("caa-dead.test")
    (step,) = caa.steps
    assert step.name == "caa-dead.test"
    assert step.text.startswith("CAA is not checked here, the CA looks itself: Public DNS does not")
