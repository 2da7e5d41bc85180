"""What a CA sent is used only if it is what was asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from picdns_core import CertificateRejected, CertRequest, ClockSkewed, IssuedCert, pem
from picdns_core.check import check

NAMES = ("home.example", "*.home.example")
KEY = pem.new_key("ec256")
REQUEST = CertRequest(lineage="home.example", names=NAMES, csr_pem=pem.make_csr(KEY, NAMES))
HOUR = timedelta(hours=1)


class Authority:
    """A CA, or one below another, that signs whatever it is told to."""

    def __init__(self, name: str, above: "Authority | None" = None) -> None:
        self.key = pem.new_key("ec256")
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = above or self
        self.certificate = signer.sign(self.name, self.key, ca=True)

    def sign(
        self,
        subject: x509.Name,
        key: pem.PrivateKey,
        names: tuple[str, ...] = (),
        *,
        ca: bool = False,
        start: timedelta = -HOUR,
        end: timedelta = 24 * HOUR,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + start)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            alternative = x509.SubjectAlternativeName([pem.general_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=True)
        return builder.sign(self.key, hashes.SHA256())


ROOT = Authority("Root")
BELOW = Authority("Below", ROOT)


def leaf(
    *,
    key: pem.PrivateKey = KEY,
    names: tuple[str, ...] = NAMES,
    start: timedelta = -HOUR,
    end: timedelta = 24 * HOUR,
) -> x509.Certificate:
    return BELOW.sign(x509.Name([]), key, names, start=start, end=end)


def issued(*chain: x509.Certificate, clock_offset: float = 0.0) -> IssuedCert:
    text = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    return IssuedCert(fullchain_pem=text, clock_offset=clock_offset)


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_what_was_asked_for_is_taken(names: tuple[str, ...]) -> None:
    """Key, names, chain and time are right; the order of the names says nothing."""
    one = leaf(names=names)
    assert check(REQUEST, issued(one, BELOW.certificate), datetime.now(UTC)) == pem.facts(one)


def test_a_leaf_alone_is_taken() -> None:
    """The internal CA has no chain: its root is with the devices."""
    one = leaf()
    assert check(REQUEST, issued(one), datetime.now(UTC)) == pem.facts(one)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (issued(leaf(key=pem.new_key("ec256"))), "it is for another key"),
        (issued(leaf(names=("home.example",))), "it names home.example"),
        (issued(leaf(names=(*NAMES, "evil.example"))), "it names home.example, *.home.example, e"),
        (issued(leaf(names=())), "it names nothing"),
        (issued(leaf(), ROOT.certificate), "Below did not sign it"),
        (issued(leaf(), Authority("Below", ROOT).certificate), "Below did not sign it"),
        (issued(leaf(), BELOW.certificate, BELOW.certificate), "Root did not sign it"),
        (issued(BELOW.certificate, leaf()), "it is for another key"),
        (issued(leaf(start=-48 * HOUR, end=-24 * HOUR)), "it ended at 20"),
        (IssuedCert(fullchain_pem=b""), "it is no certificate: "),
        (IssuedCert(fullchain_pem=b"<html>Bad gateway</html>"), "it is no certificate: "),
        (IssuedCert(fullchain_pem=issued(leaf()).fullchain_pem[:300]), "it is no certificate: "),
        (
            IssuedCert(fullchain_pem=issued(leaf()).fullchain_pem.decode()),  # type: ignore[arg-type]
            "it is no certificate: ",
        ),
    ],
)
def test_what_was_not_asked_for_is_refused(wrong: IssuedCert, why: str) -> None:
    """The message says which certificate, what is wrong, and that the old one is served on."""
    with pytest.raises(CertificateRejected) as caught:
        check(REQUEST, wrong, datetime.now(UTC))
    message = caught.value.message
    assert message.startswith(
        f"The certificate that came for home.example was not put to use: {why}"
    )
    assert message.endswith("What is served stays so.")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("start", "end", "clock_offset", "said", "offset"),
    [
        (2 * HOUR, 48 * HOUR, 0.0, "s behind", -7200),
        (2 * HOUR, 48 * HOUR, -9000.0, "9000 s behind", -9000),
        (-48 * HOUR, -HOUR, 86400.0, "86400 s ahead", 86400),
    ],
)
def test_a_wrong_clock_is_told_apart_from_a_wrong_certificate(
    start: timedelta, end: timedelta, clock_offset: float, said: str, offset: float
) -> None:
    """Not valid now because of our clock: how far it is off, and how to set it."""
    with pytest.raises(ClockSkewed) as caught:
        check(
            REQUEST,
            issued(leaf(start=start, end=end), clock_offset=clock_offset),
            datetime.now(UTC),
        )
    assert caught.value.offset == pytest.approx(offset, abs=5)
    assert said in caught.value.message
    assert "What is served stays so." in caught.value.message
    assert "chrony" in caught.value.hint
    for distribution in ("Debian", "Fedora", "Alpine"):
        assert distribution in caught.value.hint


@pytest.mark.parametrize("clock_offset", [0.0, 200.0, -200.0])
def test_a_clock_a_little_behind_is_no_matter(clock_offset: float) -> None:
    """CAs backdate by less than some clocks drift; minutes are not worth an error."""
    one = leaf(start=timedelta(minutes=4))
    assert check(REQUEST, issued(one, clock_offset=clock_offset), datetime.now(UTC)) == pem.facts(
        one
    )


def test_a_clock_that_is_off_does_not_spoil_what_is_valid() -> None:
    """As long as the certificate is valid by our clock, it can be served."""
    one = leaf(start=-48 * HOUR, end=48 * HOUR)
    assert check(REQUEST, issued(one, clock_offset=4000.0), datetime.now(UTC)) == pem.facts(one)
