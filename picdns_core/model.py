"""What travels between the rooms of picdns; all of it is frozen."""

from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct, field

from picdns_core.errors import PicdnsError

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its zone; what is read without one is damaged."""


class Service(Struct, frozen=True, kw_only=True):
    """One service of the cell: `name` is a DNS label, `upstream` where Caddy forwards to."""

    name: str
    upstream: str


class Cell(Struct, frozen=True, kw_only=True):
    """Who this cell is. Names are lower-case A-labels, already checked.

    `domain` is what the mode gives a public name and certificate to; below it lives one name
    per service. `<service>.cell` exists in every mode, inside.
    """

    name: str
    mode: str
    domain: str
    services: tuple[Service, ...] = ()

    @property
    def service_names(self) -> tuple[str, ...]:
        """The public name of each service, `<service>.<domain>`."""
        return tuple(f"{service.name}.{self.domain}" for service in self.services)

    @property
    def internal_names(self) -> tuple[str, ...]:
        """The internal name of each service, `<service>.cell`."""
        return tuple(f"{service.name}.cell" for service in self.services)


class NoSettings(Struct, frozen=True, kw_only=True):
    """For a mode that has nothing to set."""


class SecretField(Struct, frozen=True, kw_only=True):
    """A secret that a mode needs: a token, a shared key; kept as `secrets/<mode>/<name>`.

    `required` means that the mode cannot work without it. `issued` means that the service hands
    it out: it is never taken from the config or from people, and where one is on disk nothing
    else is required to begin. `file`, relative to the root, is where the host itself keeps it, and
    then it is kept there.
    """

    name: str
    title: str
    description: str
    required: bool = True
    issued: bool = False
    file: str | None = None


class DomainMode(Struct, frozen=True, kw_only=True):
    """What a provider says about itself.

    `settings` is a frozen Struct class whose fields carry a title and a description; it is
    read from `ddns` in the config. `wildcard`: one certificate for the domain and everything
    below it, else one per service. `public`: certificates come from the configured ACME CA,
    else from the cell's own. `publishes_addresses`: the mode implements `update_ip`.
    `needs_port_80`: the CA must reach this cell's port 80 while it validates.
    `grants_names`: the service gives each name to one cell, and to another once it is let go.
    `domain_suffix`: where the config names no domain, it is `<cell_name>.<domain_suffix>`, or
    `<ddns.subdomain>.<domain_suffix>` in a public mode.
    """

    name: str
    title: str
    description: str
    settings: type[Struct] = NoSettings
    wildcard: bool = True
    public: bool = True
    publishes_addresses: bool = False
    needs_port_80: bool = False
    grants_names: bool = False
    domain_suffix: str = ""
    secrets: tuple[SecretField, ...] = ()

    @property
    def holds_names(self) -> bool:
        """Whether anybody but this cell knows of its names: they can be given back."""
        return self.publishes_addresses or bool(self.secrets)


class Registration(Struct, frozen=True, kw_only=True):
    """What `register` returned: the claim on the name, and the provider's own notes.

    `notes` is JSON the provider wants back later (record ids); never a secret.
    """

    domain: str
    notes: dict[str, Any] = field(default_factory=dict)


class Addresses(Struct, frozen=True, kw_only=True):
    """Public addresses of the cell; None means unknown, which is not the same as absent."""

    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None


class TxtRecord(Struct, frozen=True, kw_only=True):
    """One TXT value at one absolute name, without trailing dot."""

    name: str
    value: str


class Publication(Struct, frozen=True, kw_only=True):
    """What `update_ip` put where, as the provider confirmed it."""

    addresses: Addresses
    changed: bool


class CertRequest(Struct, frozen=True, kw_only=True):
    """A certificate to be had: the names, in order, and the CSR in PEM. Never the key.

    `lineage` names the certificate across its renewals; a second call with the same lineage
    and CSR goes on with the order that the first one left open. `replaces` is what renewal
    information (RFC 9773, section 4.1) calls the certificate that this one renews, if any.
    """

    lineage: str
    names: tuple[str, ...]
    csr_pem: bytes
    replaces: str | None = None


class IssuedCert(Struct, frozen=True, kw_only=True):
    """A chain in PEM, leaf first, root left out.

    `clock_offset` is how many seconds our clock is ahead of the issuer's, where it is known.
    """

    fullchain_pem: bytes
    clock_offset: float = 0.0


class CertFiles(Struct, frozen=True, kw_only=True):
    """Where the files of one generation are, as local paths for servers that read files."""

    fullchain: str
    privkey: str


class Step(Struct, frozen=True, kw_only=True):
    """Something that begins now, in words; `name` is the DNS name or lineage it is about."""

    text: str
    name: str = ""


Progress = Callable[[Step], None]
"""A sink for steps; called from any thread, must not raise."""


class Problem(Struct, frozen=True, kw_only=True):
    """A certificate that could not be had, and why."""

    names: tuple[str, ...]
    error: str
    message: str
    hint: str

    @classmethod
    def of(cls, names: tuple[str, ...], error: PicdnsError) -> Self:
        """Say of these names what the error says."""
        return cls(names=names, error=type(error).__name__, message=error.message, hint=error.hint)


class Failure(Struct, frozen=True, kw_only=True):
    """An error that no success has made up for yet.

    `subject` is what it is about: a lineage, or one of those that `store.failures` names; `since`
    when an error of this kind came first, `at` when one came last, `count` how often there was
    any in a row. `retry_at` is when the heartbeat tries again; None where it does at each tick.
    """

    subject: str
    since: Moment
    at: Moment
    error: str
    message: str
    hint: str
    count: int = 1
    retry_at: Moment | None = None


class Held(Struct, frozen=True, kw_only=True):
    """A name that the cell goes on holding in a mode it has left, and what gives it back.

    `why` is empty where that was said when the mode was left.
    """

    domain: str
    mode: str
    command: str
    why: str = ""

    @classmethod
    def of(cls, cell: Cell, why: str = "") -> Self:
        """Say it of a cell as it was."""
        command = f"picdns release {cell.mode}"
        return cls(domain=cell.domain, mode=cell.mode, command=command, why=why)


class Difference(Struct, frozen=True, kw_only=True):
    """Where what is seen of a name is not what it should be: `found` instead of `expected`.

    `served`: the serial of its certificate at Caddy. `inside`, `outside`: its addresses in the DNS
    of the VPN, and in public DNS. `found` is empty when nothing is there, or nobody answers.
    """

    where: Literal["served", "inside", "outside"]
    name: str
    expected: tuple[str, ...]
    found: tuple[str, ...]
    message: str
    hint: str


class Finding(Struct, frozen=True, kw_only=True):
    """What one check of the doctor came to, `name` being the check's.

    `finding` says it in words, `evidence` what was seen that shows it, `mend` what to do where it
    is not `ok`. A check may come to several.
    """

    name: str
    ok: bool
    finding: str
    evidence: str = ""
    mend: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """What `up` or `renew` did: the names that got a new certificate, and what failed.

    `deployed` is true when a server's configuration or certificates changed. `addresses` says in
    words what was done about the public addresses, and is empty where there was nothing to do.
    """

    issued: tuple[tuple[str, ...], ...] = ()
    deployed: bool = False
    failed: tuple[Problem, ...] = ()
    addresses: tuple[str, ...] = ()
