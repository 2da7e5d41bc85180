"""The mode as a whole: what it says of itself, setting up, and leaving nothing behind."""

import msgspec
import pytest
from acme.challenges import DNS01

from picdns_core import (
    AuthenticationFailed,
    CertRequest,
    ConfigError,
    ForeignName,
    IssuedCert,
    ProviderUnavailable,
    Publisher,
    Secret,
    explain,
    load_mode,
)
from picdns_core.testing import Answer, Cut, Zone
from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import (
    CHALLENGE,
    DOMAIN,
    MARK,
    OTHER_ZONE,
    ZONE,
    CellAtCloudflare,
    MakeCell,
    asked,
    bodies,
    challenge,
    without_soa,
)

CANARY = f"_picdns-canary.{DOMAIN}"


class Asked:
    """Stands for the CA, and notes how it is asked."""

    def __init__(self) -> None:
        self.challenge: object = None
        self.publisher: object = None

    def obtain(
        self, request: CertRequest, challenge: type[object], publisher: Publisher | None = None
    ) -> IssuedCert:
        self.challenge, self.publisher = challenge, publisher
        return IssuedCert(fullchain_pem=request.csr_pem)


class NoSigner:
    """The cell's own CA, which is not asked here."""

    def sign(self, request: CertRequest) -> IssuedCert:
        raise AssertionError(request)

    def root_pem(self) -> bytes:
        raise AssertionError


def test_mode_says_what_it_can_do() -> None:
    """A wildcard, addresses, one secret that is needed, and no domain of its own."""
    mode = load_mode("cloudflare").mode
    assert (mode.name, mode.wildcard, mode.public) == ("cloudflare", True, True)
    assert (mode.publishes_addresses, mode.domain_suffix) == (True, "")
    assert [(secret.name, secret.required) for secret in mode.secrets] == [("token", True)]


def test_register_notes_the_zone_and_leaves_nothing(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """It wrote a TXT and removed it: what a renewal will need was tried."""
    before = without_soa(zone.records())
    registration = home.register()
    assert registration.domain == DOMAIN
    assert registration.notes == {"zone_id": stand_in.zone_id(ZONE), "zone": ZONE}
    assert bodies(stand_in, "POST") == [
        {
            "type": "TXT",
            "name": CANARY,
            "content": '"Written and removed by picdns."',
            "ttl": 60,
            "proxied": False,
            "comment": MARK,
        }
    ]
    assert stand_in.records(ZONE) == []
    assert without_soa(zone.records()) == before


def test_register_twice_changes_nothing(home: CellAtCloudflare, zone: Zone) -> None:
    """The same is registered."""
    first, before = home.register(), without_soa(zone.records())
    assert home.register() == first
    assert without_soa(zone.records()) == before


@pytest.mark.parametrize("then", ["register", "teardown"])
def test_canary_of_a_killed_process_is_removed(
    home: CellAtCloudflare, stand_in: Cloudflare, then: str
) -> None:
    """By whichever comes next."""
    stand_in.on("DELETE", "dns_records", Cut(), first=1)
    with pytest.raises(ProviderUnavailable):
        home.register()
    assert [record["name"] for record in stand_in.records(ZONE)] == [CANARY]
    getattr(home, then)()
    assert stand_in.records(ZONE) == []


def test_register_whose_answer_was_lost_is_completed_by_the_next(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """The canary is there and identical; that is fine, and it goes."""
    stand_in.on("POST", "dns_records", Cut("reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        home.register()
    home.register()
    assert stand_in.records(ZONE) == []


def test_canary_does_not_disturb_a_delegated_challenge(
    home: CellAtCloudflare, stand_in: Cloudflare, zone: Zone
) -> None:
    """A CNAME at the challenge's name stays, and is no obstacle."""
    stand_in.add_record(ZONE, "CNAME", CHALLENGE, "challenges.example")
    before = without_soa(zone.records())
    home.register()
    assert without_soa(zone.records()) == before


def test_token_that_can_only_read_is_found_at_register(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """Not at the renewal in two months."""
    reader = make_cell(token=stand_in.token(permissions=["zone read", "dns read"]))
    with pytest.raises(AuthenticationFailed, match=r"lacks the permission Zone\.DNS: Edit"):
        reader.register()


def test_zone_id_makes_up_for_a_token_that_cannot_read_zones(
    make_cell: MakeCell, stand_in: Cloudflare
) -> None:
    """The zone is taken on trust, and its name is not made up."""
    token = stand_in.token(zones=[ZONE], permissions=["dns edit"])
    cell = make_cell(token=token, zone_id=stand_in.zone_id(ZONE))
    assert cell.register().notes == {"zone_id": stand_in.zone_id(ZONE)}
    assert not any(one.startswith("GET /zones?") for one in asked(stand_in))


def test_zone_id_of_another_zone_is_refused(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """By the zone's name where it can be read, by what became of the canary where not."""
    for token in (stand_in.default_token, stand_in.token(permissions=["dns edit"])):
        cell = make_cell(token=token, zone_id=stand_in.zone_id(OTHER_ZONE))
        with pytest.raises(ForeignName, match=rf"is not in the zone {OTHER_ZONE}, whose id"):
            cell.register()
        assert stand_in.records(OTHER_ZONE) == []


def test_zone_id_that_is_none_is_refused_by_its_form(make_cell: MakeCell) -> None:
    """It becomes a part of a URL."""
    settings = load_mode("cloudflare").mode.settings
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"zone_id": "../user"}, settings)


@pytest.mark.parametrize("key", ["api_url", "zone_id"])
def test_setting_of_a_wrong_form_is_answered_with_an_example(key: str) -> None:
    """And the example is right itself."""
    mode = load_mode("cloudflare").mode
    with pytest.raises(ConfigError, match=r"does not have the right form; give it as ") as refused:
        explain.convert({key: "http://x"}, mode.settings, "ddns")
    example = refused.value.message.rpartition(" ")[2].rstrip(".")
    assert getattr(msgspec.convert({key: example}, mode.settings), key) == example


def test_missing_token_is_said(make_cell: MakeCell) -> None:
    """With the command that sets it."""
    with pytest.raises(ConfigError, match=r"ddns\.token: the Cloudflare API token is missing"):
        make_cell(token="").register()


def test_empty_token_is_not_sent(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """As of a file that was truncated."""
    by = home.by()
    by["secrets"].put("token", Secret(""))
    with pytest.raises(AuthenticationFailed, match=r"token is malformed\. Nothing was sent"):
        home.provider.teardown(**by)
    assert stand_in.requests == []


def test_certificate_is_had_by_dns_01(home: CellAtCloudflare) -> None:
    """The CA is asked with the mode's own publisher."""
    acme, publisher = Asked(), home.publisher()
    request = CertRequest(lineage="public", names=(DOMAIN, f"*.{DOMAIN}"), csr_pem=b"csr")
    issued = home.provider.issue_cert(request, acme, publisher, NoSigner(), **home.by())
    assert issued == IssuedCert(fullchain_pem=b"csr")
    assert (acme.challenge, acme.publisher) == (DNS01, publisher)


def test_teardown_removes_what_this_cell_created_and_nothing_else(
    make_cell: MakeCell, stand_in: Cloudflare, zone: Zone
) -> None:
    """Records of other cells and of people survive, at the same names too."""
    stand_in.add_record(ZONE, "A", "www", "127.0.0.9", comment="by hand")
    stand_in.add_record(ZONE, "TXT", CHALLENGE, '"by hand"')
    stand_in.add_record(ZONE, "TXT", f"deeper.{DOMAIN}", '"by hand"', comment=MARK)
    stand_in.add_record(ZONE, "TXT", CANARY, '"by hand"', comment=MARK.upper())
    stand_in.add_record(ZONE, "MX", DOMAIN, "mail.cf.test", comment=MARK)
    neighbour = make_cell(name="garden", domain=f"garden.{ZONE}")
    neighbour.update_ip(ipv4="127.0.0.7")
    namesake = make_cell(name="home", domain=f"cabin.{ZONE}")
    namesake.update_ip(ipv4="127.0.0.8")
    before, listed = without_soa(zone.records()), stand_in.records(ZONE)
    home = make_cell()
    home.register()
    home.update_ip(ipv4="127.0.0.5", ipv6="::1")
    home.publisher().publish(challenge("ours"))
    assert home.teardown() is True
    assert without_soa(zone.records()) == before
    assert stand_in.records(ZONE) == listed


def test_teardown_twice_says_that_nothing_was_left(home: CellAtCloudflare) -> None:
    """The second time."""
    home.update_ip(ipv4="127.0.0.5")
    assert [home.teardown(), home.teardown()] == [True, False]


def test_teardown_leaves_a_record_that_was_only_updated(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """It was there before us; it keeps the last address."""
    stand_in.add_record(ZONE, "A", DOMAIN, "127.0.0.4")
    home.update_ip(ipv4="127.0.0.5")
    home.teardown()
    left = [(record["name"], record["content"]) for record in stand_in.records(ZONE)]
    assert left == [(DOMAIN, "127.0.0.5")]


def test_teardown_works_from_the_registration(make_cell: MakeCell, stand_in: Cloudflare) -> None:
    """A token that has lost the right to read zones still removes what it wrote."""
    home = make_cell()
    home.register()
    home.update_ip(ipv4="127.0.0.5")
    home.token = stand_in.token(zones=[ZONE], permissions=["dns edit"])
    assert home.teardown() is True
    assert stand_in.records(ZONE) == []


def test_teardown_that_failed_is_completed_by_the_next(
    home: CellAtCloudflare, stand_in: Cloudflare
) -> None:
    """What was removed does not stand in the way of the rest."""
    home.update_ip(ipv4="127.0.0.5")
    stand_in.on("DELETE", "dns_records", Answer(500), nth=2)
    with pytest.raises(ProviderUnavailable):
        home.teardown()
    assert home.teardown() is True
    assert stand_in.records(ZONE) == []
