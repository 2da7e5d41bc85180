"""Certificates from elsewhere: looked at, and served until the cell has its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from picdns_core import pem
from picdns_core.errors import Busy, CaddyDown, CertificateRejected, DeployFailed
from picdns_core.model import CertFiles, Progress, Step
from picdns_core.store import Certificate, CertMeta, Lineages, Store
from picdns_core.wanted import Wanted

SOURCE = "adopted"
"""What the meta of such a certificate says of its source: no CA of ours, so that it is due."""

_GENERATION = "000000"  # older than any of the cell's own
_MOST = 1 << 20  # bytes in a file, far more than any chain has
_UNCHANGED = "Nothing was changed, and what is served stays so."
_WANTED = (
    "Wanted are the certificate with its chain, as certbot's fullchain.pem, and its private key, "
    "as privkey.pem."
)
_LABELS = {"CERTIFICATE": "certificate", "PRIVATE KEY": "private key"}
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class Adopted(Struct, frozen=True, kw_only=True):
    """A certificate that was adopted; `names` are those of the cell that it is served for."""

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_after: datetime


class Adoption(Struct, frozen=True, kw_only=True):
    """What `adopt` did.

    `kept` are names whose certificate was there already and was left alone, `missing` those that
    have none yet. `deployed` is true when a server's configuration or certificates changed.
    """

    adopted: tuple[Adopted, ...]
    kept: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...]
    deployed: bool


class Candidate(NamedTuple):
    """A certificate that may be adopted, with its chain, and its key."""

    path: str
    chain: list[x509.Certificate]
    key: pem.PrivateKey
    facts: pem.Facts

    def covers(self, want: Wanted) -> bool:
        """Say whether it is good for all the names.

        A wildcard stands for one label, and clients take none right below a top-level domain.
        """
        names = {name.lower() for name in self.facts.names}
        return all(names & {name, _wildcard(name)} for name in want.names)


def read(files: CertFiles) -> Candidate:
    """Read and check a certificate and its key; CertificateRejected says what is wrong."""
    with _readable(files.fullchain, "certificate"):
        chain = x509.load_pem_x509_certificates(_content(files.fullchain, "CERTIFICATE"))
        facts, public = pem.facts(chain[0]), chain[0].public_key()
    with _readable(files.privkey, "private key"):
        key = pem.load_key(_content(files.privkey, "PRIVATE KEY"))
    if key.public_key() != public:
        raise _rejected(
            f"The key in {files.privkey} is not that of the first certificate in {files.fullchain}."
        )
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (*_UNREADABLE, InvalidSignature):
            issuer, name = pem.facts(lower).issuer, upper.subject.rfc4514_string()
            raise _rejected(
                f"The chain in {files.fullchain} has a gap: after a certificate from {issuer} "
                f"comes {name}, which did not sign it."
            ) from None
    _check_time(files.fullchain, facts)
    return Candidate(files.fullchain, chain, key, facts)


def assign(wants: Sequence[Wanted], candidates: Sequence[Candidate]) -> dict[Wanted, Candidate]:
    """Give each wanted certificate the candidate that covers it, and of several the longest lived.

    CertificateRejected for a candidate that covers none.
    """
    for one in candidates:
        if not any(map(one.covers, wants)):
            needs = "; ".join(", ".join(want.names) for want in wants)
            raise _rejected(
                f"The certificate in {one.path} covers no certificate of this cell: it names "
                f"{', '.join(one.facts.names) or 'nothing'}.",
                hint=f"It must carry all names of one of these: {needs}.",
            )
    covering = {want: [one for one in candidates if one.covers(want)] for want in wants}
    return {
        want: max(found, key=lambda one: one.facts.not_after)
        for want, found in covering.items()
        if found
    }


class Adopter:
    """Adopts certificates for one cell in one mode."""

    def __init__(
        self, store: Store, mode: str, wants: Sequence[Wanted], progress: Progress
    ) -> None:
        self._store = store
        self._lineages = Lineages(store)
        self._mode = mode
        self._wants = wants
        self._progress = progress

    def adopt(self, found: Mapping[Wanted, Candidate], go_live: Callable[[], bool]) -> Adoption:
        """Keep each as generation 0, where there is none at all, and have them put live.

        What the server refuses, or does not serve, is not kept. Where the server is down they
        wait for it.
        """
        results = {want: self._keep(want, one) for want, one in found.items()}
        adopted = [one for one in results.values() if one]
        try:
            deployed = go_live()
        except CaddyDown:
            raise
        except DeployFailed:
            for one in adopted:
                self._take_back(one)
            raise
        have = {want: self._lineages.newest(want.lineage) for want in self._wants}
        return Adoption(
            adopted=tuple(map(_adopted, adopted)),
            kept=tuple(want.names for want, one in results.items() if one is None),
            missing=tuple(name for want, one in have.items() if not one for name in want.names),
            deployed=deployed,
        )

    def _keep(self, want: Wanted, candidate: Candidate) -> Certificate | None:
        with self._store.lock(f"lineage-{want.lineage}", f"adopting {want.lineage}"):
            if self._lineages.newest(want.lineage):
                return None
            facts = candidate.facts
            self._progress(Step(text=f"Adopting {candidate.path}", name=want.lineage))
            meta = CertMeta(
                names=want.names,  # those that a server is to have sites for; it may carry more
                issuer=facts.issuer,
                serial=facts.serial,
                not_before=facts.not_before,
                not_after=facts.not_after,
                renew_at=datetime.now(UTC),
                mode=self._mode,
                source=SOURCE,
            )
            fullchain = b"".join(one.public_bytes(Encoding.PEM) for one in candidate.chain)
            self._lineages.begin(want.lineage, _GENERATION, pem.dump_key(candidate.key))
            return self._lineages.finish(want.lineage, _GENERATION, fullchain, meta)

    def _take_back(self, certificate: Certificate) -> None:
        lineage = certificate.lineage
        with (
            suppress(Busy),  # somebody gets a better one meanwhile
            self._store.lock(f"lineage-{lineage}", f"adopting {lineage}", wait=10),
        ):
            if self._store.current(lineage) != certificate.generation:
                self._lineages.discard(lineage, certificate.generation)


def _wildcard(name: str) -> str:
    above = name.partition(".")[2]
    return f"*.{above}" if "." in above else name


def _adopted(certificate: Certificate) -> Adopted:
    meta = certificate.meta
    return Adopted(
        names=meta.names, issuer=meta.issuer, serial=meta.serial, not_after=meta.not_after
    )


def _content(path: str, label: str) -> bytes:
    """Return what is in a PEM file that holds at least one object with this label."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise _rejected(f"{path} could not be read: {error.strerror}.") from None
    if len(data) > _MOST:
        raise _rejected(f"{path} is too large for a certificate or key.")
    if b"-----BEGIN " not in data:
        raise _rejected(
            f"{path} is not PEM.", hint=f"{_WANTED} `openssl` converts from other forms."
        )
    held = [said for known, said in _LABELS.items() if f"{known}-----".encode() in data]
    if _LABELS[label] not in held:
        instead = "".join(f", but a {one}" for one in held)
        raise _rejected(f"{path} holds no {_LABELS[label]}{instead}.")
    return data


@contextmanager
def _readable(path: str, what: str) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise _rejected(
            f"The {what} in {path} cannot be used: {error}.",
            hint=f"{_WANTED} A password is removed by `openssl pkey -in FILE -out NEW-FILE`.",
        ) from None


def _check_time(path: str, facts: pem.Facts) -> None:
    now = datetime.now(UTC)
    if now >= facts.not_after:
        raise _rejected(
            f"The certificate in {path} ended at {facts.not_after:%Y-%m-%d %H:%M} UTC.",
            hint="Run `picdns up`, which gets a new one.",
        )
    if now < facts.not_before:
        raise _rejected(
            f"The certificate in {path} begins only at {facts.not_before:%Y-%m-%d %H:%M} UTC.",
            hint="Check this host's clock.",
        )


def _rejected(message: str, *, hint: str = _WANTED) -> CertificateRejected:
    return CertificateRejected(f"{message} {_UNCHANGED}", hint=hint)
