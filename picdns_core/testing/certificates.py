"""The harness's own test CA, which signs for servers that speak HTTPS on loopback addresses."""

import threading
from pathlib import Path
from typing import NamedTuple

import trustme


class ServerCertificate(NamedTuple):
    """Paths of PEM files for a server: the certificate with its chain, and the private key."""

    chain: Path
    key: Path


class TestAuthority:
    """A CA that nobody trusts except those who are handed its `bundle`.

    It stands for the public CAs that sign the *HTTPS* of services such as an ACME server. What
    Pebble issues comes from Pebble's own root.
    """

    __test__ = False  # The name begins as pytest's test classes do.

    def __init__(self, directory: Path) -> None:
        """Make the CA; its files, and those of what it signs, go into `directory`."""
        self._ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._directory = directory
        self._lock = threading.Lock()
        self.bundle = directory / "test-authority.pem"
        """PEM file with the root, for `verify=`, `REQUESTS_CA_BUNDLE` and the like."""
        self._ca.cert_pem.write_to_path(self.bundle)

    def issue(self, *names: str) -> ServerCertificate:
        """Sign for host names and IP addresses, by default for 127.0.0.1 and localhost.

        The same names get the same certificate again.
        """
        names = names or ("127.0.0.1", "localhost")
        stem = "_".join(names).replace("*", "any").replace(":", "-")
        files = ServerCertificate(
            self._directory / f"{stem}.pem", self._directory / f"{stem}.key.pem"
        )
        with self._lock:
            if files.key.exists():
                return files
            signed = self._ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA)
            files.chain.write_bytes(b"".join(b.bytes() for b in signed.cert_chain_pems))
            signed.private_key_pem.write_to_path(files.key)
        return files
