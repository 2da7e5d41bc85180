"""issue_cert: the core gets a certificate through the provider, and keeps its key to itself."""

from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from picdns_core import Runner, Secret, init
from picdns_core.store import ConfigFile
from picdns_core.testing import LocalInternet

from . import picture
from .base import Contract
from .secrecy import require_untold
from .service import Service
from .tenant import SERVICES, Tenant
from .verdict import require


class Issuing(Contract):
    """The suite's part about certificates."""

    @pytest.fixture
    def root(
        self, tenant: Tenant, service: Service, local_internet: LocalInternet, tmp_path: Path
    ) -> Path:
        """Configure the cell for the local internet; returns its root."""
        pebble = local_internet.pebble
        init(
            tmp_path,
            ConfigFile(tmp_path),
            cell_name=tenant.cell.name,
            mode_name=self.mode,
            domain=tenant.cell.domain,
            services=SERVICES,
            settings={
                **service.settings,
                "picdns.acme.directory": pebble.directory,
                "picdns.acme.ca_bundle": str(pebble.ca_bundle),
                "picdns.acme.http_port": local_internet.http_port,
                "picdns.dns.roots": local_internet.roots,
                "picdns.dns.port": local_internet.dns_port,
                "picdns.http.ca_bundle": str(tenant.ca_bundle),
            },
            secrets={name: Secret(value) for name, value in service.secrets.items()},
        )
        return tmp_path

    def test_a_certificate_is_issued(
        self, root: Path, tenant: Tenant, service: Service, local_internet: LocalInternet
    ) -> None:
        """For the names that the mode stands for, for the core's key, and without a trace."""
        before = picture.taken(service.zone) if service.zone else None
        runner = Runner(root)
        report = runner.up()
        require(
            not report.failed,
            f"issue_cert failed: {' '.join(problem.message for problem in report.failed)}",
            "hand the request to acme.obtain with the mode's challenge, or to signer.sign.",
        )
        paths = {one.names: Path(one.path) for one in runner.refresh().certificates}
        pebble = local_internet.pebble
        pem = pebble.root().encode() if tenant.mode.public else runner.root_certificate()
        ca = x509.load_pem_x509_certificate(pem)
        for names in expected_names(tenant):
            require_fits(paths[names], names, ca)
        require_clean(root, tenant)
        runner.teardown()
        require(
            service.zone is None or before is None or picture.becomes(service.zone, before),
            "After a certificate was issued and the name given back, the zone is not as before.",
            "remove in teardown what register created, and in withdraw what publish created.",
        )


def expected_names(tenant: Tenant) -> list[tuple[str, ...]]:
    """List the names of each certificate from the provider."""
    if tenant.mode.wildcard:
        return [(tenant.cell.domain, f"*.{tenant.cell.domain}")]
    return [(name,) for name in tenant.cell.service_names]


def require_fits(fullchain: Path, names: tuple[str, ...], ca: x509.Certificate) -> None:
    """Fail unless the chain is for these names and the key beside it, and leads to the CA."""
    chain = x509.load_pem_x509_certificates(fullchain.read_bytes())
    key = load_pem_private_key((fullchain.parent / "privkey.pem").read_bytes(), None)
    alternative = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    require(
        chain[0].public_key() == key.public_key()
        and set(alternative.get_values_for_type(x509.DNSName)) == set(names),
        f"The certificate for {', '.join(names)} is for another key or other names.",
        "return the chain for request.csr_pem as it came, leaf first.",
    )
    require(
        _leads_to(ca, chain),
        f"The chain for {', '.join(names)} does not lead from the leaf to the CA's root.",
        "return all that came, in its order: what clients lack they cannot find elsewhere.",
    )


def _leads_to(ca: x509.Certificate, chain: list[x509.Certificate]) -> bool:
    try:
        for lower, upper in pairwise([*chain, ca]):
            lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def require_clean(root: Path, tenant: Tenant) -> None:
    """Fail if a secret is in a file below the root that is not its own."""
    own = {root / field.file for field in tenant.mode.secrets if field.file}
    safe = root / "data/api/picdns/secrets"
    for file in root.rglob("*"):
        if file.is_file() and file not in own and not file.is_relative_to(safe):
            require_untold(tenant, str(file.relative_to(root)), file.read_text(errors="replace"))
