"""The CA comes to port 80 for its proof, which the core puts there."""

from picdns_core import Acme, Cell, CertRequest, DomainMode, IssuedCert, Registration, hookimpl


@hookimpl
def domain_mode() -> DomainMode:
    return DomainMode(
        name="http01",
        title="Own domain, port 80 open",
        description="One publicly trusted certificate per service. Port 80 of each name must "
        "reach this cell; the names' DNS records are yours to keep.",
        wildcard=False,
        needs_port_80=True,
    )


@hookimpl
def register(cell: Cell) -> Registration:
    return Registration(domain=cell.domain)


@hookimpl
def issue_cert(request: CertRequest, acme: Acme) -> IssuedCert:
    from acme.challenges import HTTP01

    return acme.obtain(request, HTTP01)


@hookimpl
def teardown() -> bool:
    return False
