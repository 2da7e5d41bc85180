"""What comes back from a CA is looked at before it is put to use."""

from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from picdns_core import pem
from picdns_core.errors import CertificateRejected, ClockSkewed
from picdns_core.model import CertRequest, IssuedCert

_TOLERATED = 300.0  # seconds a clock may be off before it is said


def check(request: CertRequest, issued: IssuedCert, now: datetime) -> pem.Facts:
    """Return what the leaf says once all of it is as requested.

    CertificateRejected: another key, other names, a chain that does not build, an expired leaf.
    ClockSkewed: it is not valid now because our clock is wrong.
    """
    try:
        chain = x509.load_pem_x509_certificates(issued.fullchain_pem)
    except (ValueError, TypeError) as error:
        raise _rejected(request, f"it is no certificate: {error}") from None
    csr = x509.load_pem_x509_csr(request.csr_pem)
    facts = pem.facts(chain[0])
    if _public(chain[0]) != _public(csr):
        raise _rejected(request, "it is for another key")
    if set(facts.names) != set(request.names):
        raise _rejected(request, f"it names {', '.join(facts.names) or 'nothing'}")
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            raise _rejected(request, f"{pem.facts(lower).issuer} did not sign it") from None
    _check_time(request, facts, now, issued.clock_offset)
    return facts


def _check_time(request: CertRequest, facts: pem.Facts, now: datetime, clock_offset: float) -> None:
    if facts.not_before <= now < facts.not_after:
        return
    early = (facts.not_before - now).total_seconds()
    if abs(clock_offset) <= _TOLERATED and early <= _TOLERATED:
        if now < facts.not_after:
            return
        raise _rejected(request, f"it ended at {facts.not_after:%Y-%m-%d %H:%M} UTC")
    offset = clock_offset if abs(clock_offset) > _TOLERATED else -early
    direction = "ahead" if offset > 0 else "behind"
    raise ClockSkewed(
        f"This host's clock is {abs(offset):.0f} s {direction}, so the new certificate for "
        f"{request.names[0]} is not valid now; it was not put to use. What is served stays so.",
        offset=offset,
    )


def _rejected(request: CertRequest, why: str) -> CertificateRejected:
    return CertificateRejected(
        f"The certificate that came for {request.names[0]} was not put to use: {why}. "
        "What is served stays so.",
        hint="Try again later; if it stays so, report it to the CA.",
    )


def _public(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
