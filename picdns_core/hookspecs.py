"""The contract with providers and observers; each docstring is the hook's terms.

A provider is an entry point in the group `picdns.modes`, named as its `domain_mode`; an observer
one in `picdns.observers`. Implementations are marked with `hookimpl` and name only the arguments
they use. Hooks are called from several threads, each time with an `http` session of that call's
own. An error is raised as one of `picdns_core.errors`; anything else is reported as a bug of the
provider's distribution.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import msgspec
    import requests

    from picdns_core.events import (
        CertFailed,
        CertIssued,
        IpChanged,
        ModeChanged,
        Registered,
        Ticked,
    )
    from picdns_core.model import (
        Addresses,
        Cell,
        CertRequest,
        DomainMode,
        Finding,
        IssuedCert,
        Publication,
        Registration,
        TxtRecord,
    )
    from picdns_core.secret import Secret

PROJECT = "picdns"
MODES = "picdns.modes"
OBSERVERS = "picdns.observers"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Secrets(Protocol):
    """The mode's secrets, as its `DomainMode.secrets` lists them; nothing else is reachable."""

    def get(self, name: str) -> Secret | None:
        """Return a secret, None when it was never given."""

    def put(self, name: str, value: Secret) -> None:
        """Keep a secret that the service handed out; it is on disk when this returns."""

    def delete(self, name: str) -> None:
        """Forget a secret that is of no more use; one that is not there is fine."""


class Publisher(Protocol):
    """Puts DNS-01 values into public DNS; each call is safe twice and in a new process."""

    values_per_name: int
    """How many values one name can hold at a time."""

    def publish(self, record: TxtRecord) -> None:
        """Make the value visible beside those already there."""

    def withdraw(self, record: TxtRecord) -> None:
        """Remove this value and no other; one that is not there is fine."""


class Signer(Protocol):
    """The cell's internal CA, or what the host passes instead of it."""

    def sign(self, request: CertRequest) -> IssuedCert:
        """Turn the CSR into a chain; safe twice, each time with a new serial."""

    def root_pem(self) -> bytes:
        """Return the root that devices must trust, in PEM."""


class Acme(Protocol):
    """The configured public CA, with this cell's account."""

    def obtain(
        self, request: CertRequest, challenge: type[Any], publisher: Publisher | None = None
    ) -> IssuedCert:
        """Order a certificate and prove each name by `challenge`, a class of `acme.challenges`.

        HTTP01 is answered by picdns itself; DNS01 needs the `publisher`. An order that an
        earlier call left open for this request is resumed. Raises ChallengeFailed, OrderRefused,
        RateLimited, ProviderUnavailable or Cancelled; the order stays open where going on with it
        can help.
        """


@hookspec(firstresult=True)
def domain_mode() -> DomainMode:
    """Say what this mode is and can do.

    Called once when the mode is loaded, and when modes are listed. No I/O.
    """


@hookspec(firstresult=True)
def register(
    cell: Cell, settings: msgspec.Struct, http: requests.Session, secrets: Secrets
) -> Registration:
    """Claim the name for this cell.

    Called by `up`, `renew`, `rehearse` and the heartbeat when the mode has no registration on
    disk, or its cell or settings changed. Doing it twice changes nothing. After an error nothing
    is claimed, or the same call again completes the claim, and `teardown` undoes it.
    AuthenticationFailed, ConfigError, ForeignName and NameTaken say that nothing was claimed.
    RateLimited with a `retry_after` of 30 seconds at most is waited for, once.
    """


@hookspec(firstresult=True)
def update_ip(
    cell: Cell,
    settings: msgspec.Struct,
    registration: Registration,
    addresses: Addresses,
    http: requests.Session,
    secrets: Secrets,
) -> Publication:
    """Publish A and AAAA records; required exactly when the mode publishes addresses.

    A family that is None is unknown, not absent: leave its record alone. Doing it twice changes
    nothing. After an error the old or the new addresses are published.
    """


@hookspec(firstresult=True)
def publisher(
    cell: Cell,
    settings: msgspec.Struct,
    registration: Registration,
    http: requests.Session,
    secrets: Secrets,
) -> Publisher:
    """Return what writes DNS-01 values; for modes that use DNS-01.

    Called before `issue_cert`, and in a process that never published, to withdraw what a
    killed one left behind. No I/O.
    """


@hookspec(firstresult=True)
def issue_cert(
    cell: Cell,
    settings: msgspec.Struct,
    registration: Registration,
    request: CertRequest,
    acme: Acme,
    publisher: Publisher | None,
    signer: Signer,
    http: requests.Session,
    secrets: Secrets,
) -> IssuedCert:
    """Turn the request's CSR into a chain.

    Called by `up`, `renew`, `rehearse`, `revoke` and the heartbeat for each certificate that is
    to be had, in several threads at a time.
    `acme` is there for modes that are public, `publisher` for those that implement it. The
    private key is never here, and nothing is to be written to a file. Calling it again with
    the same request goes on where the last call stopped. After an error no challenge answer is
    left behind.
    """


@hookspec(firstresult=True)
def teardown(
    cell: Cell,
    settings: msgspec.Struct,
    registration: Registration,
    http: requests.Session,
    secrets: Secrets,
) -> bool:
    """Remove exactly what this cell created at the service; True when there was something.

    Called by `teardown`, and after `register` for a name that the cell had before, with the cell,
    registration and settings as they were kept, not as the config now says. Where `register`
    never returned, the registration has the domain and no notes. Only what belongs to that cell
    and domain is meant: the cell may hold another name by now. Doing it twice changes nothing.
    After an error the same call again removes the rest.
    """


@hookspec(firstresult=True)
def examine(
    cell: Cell,
    settings: msgspec.Struct,
    registration: Registration,
    http: requests.Session,
    secrets: Secrets,
) -> tuple[Finding, ...]:
    """Say whether the credentials are good: valid, for this name, and for how long; optional.

    Called by the doctor. Nothing is changed at the service, and no secret is in a finding. A few
    requests at most: the doctor waits for seconds only. Findings are named `token`, or by the
    secret that they are about; those that are `ok` are welcome as well. An error of
    `picdns_core.errors` that is raised is a finding, too. Where `register` never returned, the
    registration has the domain and no notes.
    """


@hookspec(firstresult=True)
def name_available(
    cell: Cell, settings: msgspec.Struct, http: requests.Session, secrets: Secrets
) -> bool:
    """Say whether the service would give `cell.domain` to somebody now; optional.

    For modes that grant names. Called while somebody chooses a name, for a cell as it would be;
    twice is safe. One request, which changes nothing: only `register` decides. Of an error the
    caller makes that it is not known.
    """


@hookspec
def registered(event: Registered) -> None:
    """The name is claimed. Called after the registration is on disk, with no lock held.

    As with all observers: no veto, errors are logged, and other observers still hear of it.
    """


@hookspec
def ip_changed(event: IpChanged) -> None:
    """New addresses are published and confirmed. Called with no lock held."""


@hookspec
def cert_issued(event: CertIssued) -> None:
    """A certificate was issued and is live. Called with no lock held."""


@hookspec
def cert_failed(event: CertFailed) -> None:
    """A certificate could not be had. Called with no lock held."""


@hookspec
def mode_changed(event: ModeChanged) -> None:
    """The cell is in another mode. Called with no lock held."""


@hookspec
def ticked(event: Ticked) -> None:
    """The heartbeat has looked after addresses or certificates. Called with no lock held.

    Called at each tick, which is every five minutes for each of the two.
    """
