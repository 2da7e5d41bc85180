"""What a PIC has already: its config manager, its CA, and a way to reload CoreDNS."""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from picdns_core import CertRequest, IssuedCert


class ConfigManager:
    """cell_config.json, which all workers change, one after the other."""

    def __init__(self, root: str) -> None:
        self._path = Path(root) / "config/api/cell_config.json"

    def read(self) -> Mapping[str, Any]:
        config: dict[str, Any] = json.loads(self._path.read_text())
        return config

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        with _alone(self._path):
            config = dict(self.read())
            before = json.dumps(config)
            change(config)
            if json.dumps(config) != before:
                _write(self._path, json.dumps(config, indent=2).encode())


class VaultManager:
    """The CA of the house; its key is made once and never leaves the directory."""

    def __init__(self, root: str) -> None:
        self._folder = Path(root) / "data/vault"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(self._folder / "root.pem"):
            if not (self._folder / "root.pem").exists():
                self._found()
        key = load_pem_private_key((self._folder / "key.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._root = x509.load_pem_x509_certificate((self._folder / "root.pem").read_bytes())

    def root_pem(self) -> bytes:
        return self._root.public_bytes(Encoding.PEM)

    def sign(self, request: CertRequest) -> IssuedCert:
        csr = x509.load_pem_x509_csr(request.csr_pem)
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        begun = _begun(x509.Name([]), self._root.subject, csr.public_key(), timedelta(days=90))
        leaf = begun.add_extension(names.value, critical=True).sign(self._key, hashes.SHA256())
        return IssuedCert(fullchain_pem=leaf.public_bytes(Encoding.PEM))

    def _found(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vault of this house")])
        begun = _begun(name, name, key.public_key(), timedelta(days=3650))
        limits = x509.BasicConstraints(ca=True, path_length=0)
        root = begun.add_extension(limits, critical=True).sign(key, hashes.SHA256())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(self._folder / "key.pem", pem)
        _write(self._folder / "root.pem", root.public_bytes(Encoding.PEM))


def reload_coredns() -> None:
    """Make CoreDNS read its files again, where it runs in a container of this name."""
    subprocess.run(
        ["docker", "kill", "--signal=USR1", "coredns"], check=True, timeout=10, capture_output=True
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Any, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + lifetime)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, data: bytes) -> None:
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    new.replace(path)
