"""When a CA wants certificates renewed, and what is made of what it says."""

import dataclasses
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from picdns_core import ProviderUnavailable, RateLimited
from picdns_core.issuing import certificate_id
from picdns_core.issuing.renewal_info import parse
from picdns_core.testing import Answer, Cut, FaultProxy, Reply, Request, Rewrite
from tests.issuing.ordering import Ordering, at

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
START, END = "2026-12-01T04:00:00Z", "2026-12-03T04:00:00Z"
OF_THE_RFC = b"""-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
"""
"""RFC 9773, appendix A."""


def answer(start: object = START, end: object = END, **more: object) -> bytes:
    return json.dumps({"suggestedWindow": {"start": start, "end": end}, **more}).encode()


def issued(serial: int, issuer: x509.AuthorityKeyIdentifier | None) -> bytes:
    """Make a certificate with this serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if issuer:
        builder = builder.add_extension(issuer, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_certificate_of_the_rfc_has_the_name_that_it_has_there() -> None:
    """Serial 87 65 43 21 begins with a one bit, so that a zero octet stands before it."""
    assert certificate_id(OF_THE_RFC) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.mark.parametrize(
    ("serial", "octets"),
    [(1, b"\x01"), (0x7F, b"\x7f"), (0x80, b"\0\x80"), (0x0102, b"\1\2"), (0xFFFF, b"\0\xff\xff")],
)
def test_serial_is_as_in_the_certificate(serial: int, octets: bytes) -> None:
    """As the content of a DER integer, no octet more or less."""
    name = certificate_id(issued(serial, x509.AuthorityKeyIdentifier(b"issuer", None, None)))
    assert name is not None
    issuer, _, number = name.partition(".")
    assert urlsafe_b64decode(issuer + "==") == b"issuer"
    assert urlsafe_b64decode(number + "==") == octets
    assert "=" not in name


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        x509.AuthorityKeyIdentifier(None, [x509.DNSName("ca.test")], 1),
    ],
)
def test_certificate_that_names_no_issuer_s_key_has_none(
    issuer: x509.AuthorityKeyIdentifier | None,
) -> None:
    """There is nothing to ask about it, or to replace it by."""
    assert certificate_id(issued(1, issuer)) is None


def test_window_is_read_in_utc() -> None:
    """Whatever time zone the CA likes."""
    info = parse(answer("2026-12-01T05:00:00+01:00", explanationURL="https://ca.test/x"), 60, NOW)
    assert info.start.isoformat() == "2026-12-01T04:00:00+00:00"
    assert info.start.tzinfo is UTC
    assert info.end.isoformat() == "2026-12-03T04:00:00+00:00"
    assert info.explanation_url == "https://ca.test/x"


@pytest.mark.parametrize("url", [None, 7, [], "javascript:alert(1)", "https://ca.test/\n", ""])
def test_explanation_that_is_no_page_is_left_out(url: object) -> None:
    """The window counts all the same."""
    assert parse(answer(explanationURL=url), None, NOW).explanation_url is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [(None, 21600), (0, 60), (59, 60), (7200, 7200), (10**9, 86400), (float("inf"), 86400)],
)
def test_next_look_is_in_a_minute_at_the_earliest_and_a_day_at_the_latest(
    said: float | None, kept: float
) -> None:
    """Six hours where the CA does not say."""
    assert parse(answer(), said, NOW).retry_after == kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b'{"suggestedWindow": []}',
        answer(None),
        answer(1764561600),
        answer("soon"),
        answer("2026-12-01T04:00:00"),
        answer("2026-13-01T04:00:00Z"),
        answer(START, START),
        answer(END, START),
        answer("0001-01-01T00:00:00+23:00"),
        answer("0001-01-01T00:00:00Z"),
        answer(START, "9999-12-31T23:59:59-12:00"),
        answer(START, "9999-12-31T23:59:59Z"),
    ],
)
def test_nonsense_is_said_to_be_the_ca_s(body: bytes) -> None:
    """No window is made of it."""
    with pytest.raises(ProviderUnavailable) as caught:
        parse(body, None, NOW)
    assert "What is served stays so." in caught.value.message


def test_window_of_a_new_certificate_is_in_its_lifetime(ordering: Ordering) -> None:
    """The CA knows it by the name that we make."""
    chain = ordering.obtain()
    name = certificate_id(chain)
    assert name
    info = ordering.authority.renewal_info(name, at())
    assert info
    leaf = x509.load_pem_x509_certificate(chain)
    assert leaf.not_valid_before_utc < info.start < info.end < leaf.not_valid_after_utc


def test_window_in_the_past_is_told_as_it_is(ordering: Ordering) -> None:
    """As for a certificate that is to be revoked."""
    chain = ordering.obtain()
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    ordering.pebble.set_renewal_info(chain.decode(), {"suggestedWindow": window})
    info = ordering.authority.renewal_info(certificate_id(chain) or "", at())
    assert info
    assert (info.start, info.end) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
    )


def test_looking_takes_one_request_and_no_account(ordering: Ordering, proxy: FaultProxy) -> None:
    """Apart from the directory, once; nothing is kept."""
    proxy.on("GET", "/renewalInfo/", Answer(200, {}, answer().decode()))
    for _ in range(3):
        assert ordering.authority.renewal_info("a.b", at())
    assert [(one.method, one.target.rpartition("/")[2]) for one in proxy.requests] == [
        ("GET", "dir"),
        *[("GET", "a.b")] * 3,
    ]
    assert ordering.store.keys("accounts") == []


def test_retry_after_as_a_date_is_understood(ordering: Ordering, proxy: FaultProxy) -> None:
    """By the CA's own clock: ours may be wrong."""
    dates = {
        "Date": "Mon, 23 Nov 2026 12:00:00 GMT",
        "Retry-After": "Mon, 23 Nov 2026 14:00:00 GMT",
    }
    proxy.on("GET", "/renewalInfo/", Answer(200, dates, answer().decode()))
    info = ordering.authority.renewal_info("a.b", at(days=1))
    assert info
    assert info.retry_after == 7200


def without_renewal_info(_: Request, reply: Reply) -> Reply:
    directory = json.loads(reply.body)
    del directory["renewalInfo"]
    return dataclasses.replace(reply, body=json.dumps(directory).encode()).with_headers(
        {"Content-Length": None}
    )


def test_ca_without_renewal_information_is_not_asked(ordering: Ordering, proxy: FaultProxy) -> None:
    """Its directory says so."""
    proxy.on("GET", "/dir", Rewrite(without_renewal_info))
    assert ordering.authority.renewal_info("a.b", at()) is None
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Answer(404),
        Answer(503),
        Answer(200, {}, "<html>"),
        Answer(200, {}, answer().decode() + " " * 70_000),
        Cut("request"),
        Cut("body"),
    ],
)
def test_ca_that_gives_no_answer_is_one_that_is_unavailable(
    ordering: Ordering, proxy: FaultProxy, fault: Answer | Cut
) -> None:
    """And the next look succeeds."""
    good = Answer(200, {}, answer().decode())
    proxy.on("GET", "/renewalInfo/", fault)
    if fault == Cut("body"):
        proxy.on("GET", "/renewalInfo/", good)
    with pytest.raises(ProviderUnavailable) as caught:
        ordering.authority.renewal_info("a.b", at())
    assert "What is served stays so." in caught.value.message
    proxy.faults.clear()
    proxy.on("GET", "/renewalInfo/", good)
    assert ordering.authority.renewal_info("a.b", at())


def test_ca_that_asks_to_wait_says_how_long(ordering: Ordering, proxy: FaultProxy) -> None:
    """429 is told from being down."""
    proxy.on("GET", "/renewalInfo/", Answer(429, {"Retry-After": "900"}))
    with pytest.raises(RateLimited) as caught:
        ordering.authority.renewal_info("a.b", at())
    assert caught.value.retry_after == 900
