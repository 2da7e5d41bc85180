"""The cell's own CA: one root per cell, constrained to the cell's names and private addresses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from picdns_core import pem
from picdns_core.clock import Clock
from picdns_core.errors import PicdnsError, PluginError, StoreError
from picdns_core.hookspecs import Signer
from picdns_core.model import Cell, CertRequest, IssuedCert, Progress, Step
from picdns_core.store import Store

_ROOT = "secrets/ca/root.pem"
_KEY = "secrets/ca/privkey.pem"
_ROOT_LIFETIME = timedelta(days=3650)
_LEAF_LIFETIME = timedelta(days=90)
_BACKDATED = timedelta(hours=1)  # for devices whose clock is a little slow
_FITS = 40  # characters of a cell's name beside the rest of a common name, at most 64 in all
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")


class InternalCA:
    """Signs for one cell; makes its root at the first use, and when the domain has changed."""

    def __init__(
        self,
        store: Store,
        cell: Cell,
        clock: Clock,
        progress: Progress = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; `check` is called before a root is made, and raises where that must not be."""
        self._store = store
        self._cell = cell
        self._clock = clock
        self._progress = progress
        self._check = check

    def root_pem(self) -> bytes:
        """Return the root that devices must trust, in PEM."""
        return self._pems[1]

    def has_root(self) -> bool:
        """Say whether there is a root that may sign for this cell; makes none."""
        key, root = self._store.get(_KEY), self._store.get(_ROOT)
        now = self._clock.now()
        return bool(key and root and _serves(key, root, self._cell, now))

    def sign(self, request: CertRequest) -> IssuedCert:
        """Issue a leaf of 90 days for the names in the CSR; the root is left out of the chain."""
        key, root = self._authority
        csr = x509.load_pem_x509_csr(request.csr_pem)
        now = self._clock.now().replace(microsecond=0)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(root.subject)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - _BACKDATED, root.not_valid_before_utc))
            .not_valid_after(min(now + _LEAF_LIFETIME, root.not_valid_after_utc))
        )
        for extension, critical in (
            (csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, True),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False),
            (_key_identifier(root), False),
        ):
            leaf = leaf.add_extension(extension, critical=critical)
        return IssuedCert(fullchain_pem=leaf.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))

    @property
    def _authority(self) -> tuple[pem.PrivateKey, x509.Certificate]:
        key, root = self._pems
        return pem.load_key(key), x509.load_pem_x509_certificate(root)

    @cached_property
    def _pems(self) -> tuple[bytes, bytes]:
        """The key and the root as they are in the store, once they were seen to be good."""
        with self._store.lock("cell", "making the internal root certificate", wait=10):
            now = self._clock.now().replace(microsecond=0)
            key, root = self._store.get(_KEY), self._store.get(_ROOT)
            if key is None or root is None or not _serves(key, root, self._cell, now):
                self._check()
                self._progress(Step(text="Making a new root: import it with `picdns ca`"))
                key, root = _make_root(self._cell, now)
                # At no moment do the two files belong to different roots.
                self._store.delete(_ROOT)
                self._store.put(_KEY, key)
                self._store.put(_ROOT, root)
        return key, root


class HostCA:
    """The CA that the host passes instead of the cell's; what goes wrong in it is its own."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def has_root(self) -> bool:
        """Say that the host sees to its root."""
        return True

    def root_pem(self) -> bytes:
        """Return the host's root; PluginError when it is no certificate in PEM."""
        with self._blamed("root_pem"):
            root = self._signer.root_pem()
            x509.load_pem_x509_certificate(root)
            return root

    def sign(self, request: CertRequest) -> IssuedCert:
        """Have the host sign; PluginError when it fails or returns something else."""
        with self._blamed("sign"):
            issued = self._signer.sign(request)
            if not isinstance(issued, IssuedCert):
                raise TypeError(f"returned {type(issued).__name__}, not IssuedCert")
            return issued

    @contextmanager
    def _blamed(self, call: str) -> Iterator[None]:
        try:
            yield
        except PicdnsError:
            raise
        except Exception as error:
            name = type(self._signer).__qualname__
            raise PluginError(
                name,
                f"The host's own CA, {name}, failed in {call}: {type(error).__name__}: {error}. "
                "What is served stays so.",
                hint="Mend it in the host, or pass no signer to use the cell's own CA.",
            ) from error


def _make_root(cell: Cell, now: datetime) -> tuple[bytes, bytes]:
    key = pem.new_key("ec256")
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Personal Internet Cell"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"{cell.name[:_FITS]} internal CA {now:%Y-%m-%d}"
            ),
        ]
    )
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _ROOT_LIFETIME)
    )
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in _domains(cell)]
    permitted += [x509.IPAddress(ip_network(network)) for network in _PRIVATE]
    for extension, critical in (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), True),
        (_CERT_SIGN, True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ):
        root = root.add_extension(extension, critical=critical)
    certificate = root.sign(key, hashes.SHA256())
    return pem.dump_key(key), certificate.public_bytes(Encoding.PEM)


def _domains(cell: Cell) -> list[str]:
    return ["cell"] if cell.domain.endswith(".cell") else [cell.domain, "cell"]


def _serves(key_pem: bytes, root_pem: bytes, cell: Cell, now: datetime) -> bool:
    """Say whether a root may sign for this cell, and outlives the next leaf."""
    try:
        root, permitted = _read(root_pem)
        belongs = pem.load_key(key_pem).public_key() == root.public_key()
    except (ValueError, x509.ExtensionNotFound) as error:
        raise _damaged(str(error)) from None
    if not belongs:
        raise _damaged("the key is not the root's")
    lasts = root.not_valid_before_utc <= now < root.not_valid_after_utc - 2 * _LEAF_LIFETIME
    return lasts and permitted.issuperset(_domains(cell))


@lru_cache(maxsize=8)
def _read(root_pem: bytes) -> tuple[x509.Certificate, frozenset[object]]:
    """Return a root with what it may sign for; each tick of the heartbeat looks at it."""
    root = x509.load_pem_x509_certificate(root_pem)
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints).value
    return root, frozenset(name.value for name in constraints.permitted_subtrees or ())


def _damaged(why: str) -> StoreError:
    return StoreError(
        f"The internal CA in secrets/ca is damaged: {why}. What is served stays so.",
        hint="Restore it from a backup; or move it away, and a new root is made, which your "
        "devices must import.",
    )


def _key_identifier(root: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


_CERT_SIGN = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
