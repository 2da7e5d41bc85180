"""Certificates revoked at the CA, and what is said when that does not do."""

from pathlib import Path

import pytest
from cryptography import x509

from picdns_core import PicdnsError, ProviderUnavailable
from picdns_core.issuing import REASONS
from picdns_core.testing import Answer, FaultProxy, LocalInternet
from tests.issuing.ordering import Ordering, at


def status(ordering: Ordering, chain: bytes) -> str | None:
    return ordering.pebble.certificate_status(x509.load_pem_x509_certificate(chain).serial_number)


@pytest.mark.parametrize("reason", REASONS.values())
def test_certificate_is_revoked_for_each_reason(ordering: Ordering, reason: int) -> None:
    """And again, which changes nothing."""
    chain = ordering.obtain()
    assert status(ordering, chain) == "Valid"
    ordering.authority.revoke(chain, reason, at())
    assert status(ordering, chain) == "Revoked"
    ordering.authority.revoke(chain, reason, at())
    assert ordering.asked("/revoke-cert") == 2


def test_reason_that_the_ca_does_not_take_is_said(ordering: Ordering) -> None:
    """There is no reason 7 (RFC 5280, section 5.3.1)."""
    chain = ordering.obtain()
    with pytest.raises(PicdnsError) as caught:
        ordering.authority.revoke(chain, 7, at())
    assert "badRevocationReason" in caught.value.message
    assert "another reason" in caught.value.hint
    assert status(ordering, chain) == "Valid"


def test_certificate_of_another_account_stays(
    ordering: Ordering, tmp_path: Path, local_internet: LocalInternet
) -> None:
    """The message is about the certificate, and not about our account."""
    chain = ordering.obtain()
    other = Ordering(tmp_path / "other", local_internet)
    with pytest.raises(PicdnsError) as caught:
        other.authority.revoke(chain, 0, at())
    assert "does not revoke the certificate" in caught.value.message
    assert status(ordering, chain) == "Valid"


def test_account_that_the_ca_forgot_is_made_again(
    tmp_path: Path, local_internet: LocalInternet
) -> None:
    """Then the CA judges the certificate, which here it forgot as well."""
    pebble = local_internet.new_pebble()
    ordering = Ordering(tmp_path, local_internet, pebble)
    chain = ordering.obtain()
    pebble.restart()
    with pytest.raises(PicdnsError) as caught:
        ordering.authority.revoke(chain, 0, at())
    assert "does not revoke the certificate" in caught.value.message
    assert ("POST", "/sign-me-up") in pebble.requests()


def test_ca_that_is_down_is_told_from_one_that_refuses(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """Trying again can help."""
    chain = ordering.obtain()
    proxy.on("POST", "/revoke-cert", Answer(503))
    with pytest.raises(ProviderUnavailable):
        ordering.authority.revoke(chain, 0, at())
    assert status(ordering, chain) == "Valid"
