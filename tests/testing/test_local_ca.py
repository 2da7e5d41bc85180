"""Pebble: what it issues, what it remembers, how it is set."""

import base64
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from acme import messages
from cryptography import x509

from picdns_core.testing import LocalInternet, Pebble
from picdns_core.testing.pytest_plugin import CaddyFactory

if TYPE_CHECKING:
    from tests.testing.conftest import Issue


@pytest.fixture
def served(caddy: CaddyFactory, caddyfile: Callable[..., Path]) -> None:
    """Let the web root be served where the CA looks for it."""
    caddy(caddyfile())


def fetch(ca: Pebble, url: str = "") -> dict[str, Any]:
    """Fetch JSON from the CA, by default the ACME directory."""
    reply = requests.get(url or ca.directory, verify=str(ca.ca_bundle), timeout=10)
    reply.raise_for_status()
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.usefixtures("served")
def test_a_certificate_is_issued_over_real_dns_and_http(
    local_internet: LocalInternet, issue: "Issue"
) -> None:
    """The CA resolves the name, fetches the token, and issues what its own root verifies."""
    pebble = local_internet.pebble
    before = Counter(pebble.requests())
    issued = issue(pebble, "issued.home.test")

    names = issued.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["issued.home.test"]
    assert abs(issued.leaf.not_valid_after_utc.timestamp() - time.time() - 90 * 86400) < 60
    issuer = x509.load_pem_x509_certificate(pebble.intermediate().encode())
    issued.leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(x509.load_pem_x509_certificate(pebble.root().encode()))

    asked = Counter(pebble.requests()) - before
    assert asked["POST", "/order-plz"] == 1
    assert asked["POST", "/chalZ/"] == 1
    assert asked["POST", "/certZ/"] == 1


@pytest.mark.usefixtures("served")
def test_the_ca_asks_the_zone(local_internet: LocalInternet, issue: "Issue") -> None:
    """Where the zone points the name elsewhere, validation fails."""
    local_internet.zone().set("astray", "CNAME", "nobody.test.")
    with pytest.raises(AssertionError, match="invalid"):
        issue(local_internet.pebble, "astray.home.test")


@pytest.mark.usefixtures("served")
def test_a_certificate_can_be_looked_up_at_the_ca(
    local_internet: LocalInternet, issue: "Issue"
) -> None:
    """The CA tells whether a serial is valid, and has never heard of others."""
    issued = issue(local_internet.pebble, "status.home.test")
    assert local_internet.pebble.certificate_status(issued.leaf.serial_number) == "Valid"
    assert local_internet.pebble.certificate_status(1) is None


@pytest.fixture
def recent(local_internet: LocalInternet) -> None:
    """Skip where the CA is Debian's 2.4."""
    if "renewalInfo" not in fetch(local_internet.pebble):
        pytest.skip("this Pebble is too old for renewal info and profiles")


@pytest.mark.usefixtures("served", "recent")
def test_renewal_info_can_be_dictated(local_internet: LocalInternet, issue: "Issue") -> None:
    """The CA repeats what a test says about the time of a renewal."""
    ca = local_internet.pebble
    issued = issue(ca, "ari.home.test")
    window = {"start": "2031-01-01T00:00:00Z", "end": "2031-01-02T00:00:00Z"}
    ca.set_renewal_info(issued.chain, {"suggestedWindow": window})

    aki = issued.leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    serial = issued.leaf.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    parts = (
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (aki.key_identifier or b"", octets)
    )
    assert {"suggestedWindow": window} == fetch(ca, f"{fetch(ca)['renewalInfo']}/{'.'.join(parts)}")


@pytest.mark.usefixtures("recent")
def test_a_ca_can_announce_more(local_internet: LocalInternet) -> None:
    """External account binding and profiles are in the directory of a CA that is told so."""
    profiles = {"default": 7776000, "shortlived": 518400}
    with local_internet.new_pebble(eab_keys={"kid": "bWFj"}, profiles=profiles) as ca:
        meta = fetch(ca)["meta"]
    assert meta["externalAccountRequired"] is True
    assert set(profiles) == set(meta["profiles"])


def test_nonces_can_be_refused(local_internet: LocalInternet, issue: "Issue") -> None:
    """When all nonces are refused, nobody gets an account."""
    with (
        local_internet.new_pebble(nonce_reject=100) as ca,
        pytest.raises(messages.Error, match="badNonce"),
    ):
        issue(ca, "nonce.home.test")


@pytest.mark.usefixtures("served")
def test_a_lifetime_can_be_short(local_internet: LocalInternet, issue: "Issue") -> None:
    """A profile decides how long a certificate is valid."""
    with local_internet.new_pebble(profiles={"default": 600}) as ca:
        leaf = issue(ca, "short.home.test").leaf
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert pytest.approx(lifetime.total_seconds(), abs=2) == 600


def test_a_restarted_ca_has_forgotten_everything(local_internet: LocalInternet) -> None:
    """After a restart the URL is the same, the roots are others, and nothing was asked yet."""
    with local_internet.new_pebble(alternate_roots=1) as ca:
        before = {ca.root(0), ca.root(1)}
        url = ca.directory
        for _ in range(5):
            fetch(ca)
        asked = len(ca.requests())
        ca.restart(alternate_roots=0)
        assert url == ca.directory
        assert len(before) == 2
        assert ca.root() not in before
        assert asked > len(ca.requests())
