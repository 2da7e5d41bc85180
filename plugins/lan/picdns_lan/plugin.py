"""Nothing to claim and nobody to ask: the cell's own CA signs."""

from picdns_core import Cell, CertRequest, DomainMode, IssuedCert, Registration, Signer, hookimpl


@hookimpl
def domain_mode() -> DomainMode:
    return DomainMode(
        name="lan",
        title="Local network only",
        description="Certificates from the cell's own CA, which devices import once. "
        "No internet is needed.",
        public=False,
        domain_suffix="cell",
    )


@hookimpl
def register(cell: Cell) -> Registration:
    return Registration(domain=cell.domain)


@hookimpl
def issue_cert(request: CertRequest, signer: Signer) -> IssuedCert:
    return signer.sign(request)


@hookimpl
def teardown() -> bool:
    return False
