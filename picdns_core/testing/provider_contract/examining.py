"""What the mode says of its credentials, where it implements `examine`."""

import pytest

from picdns_core import Finding, PicdnsError, Registration
from picdns_core.testing import Zone

from . import picture
from .base import Contract
from .secrecy import require_unsaid, require_untold
from .tenant import Tenant
from .verdict import require


class Examining(Contract):
    """The suite's part about credentials that are looked at and not used."""

    def test_good_credentials_are_found_good(self, tenant: Tenant, zone: Zone) -> None:
        """And nothing is changed at the service, nor told of a secret."""
        registration = tenant.register()
        before = picture.taken(zone)
        found = tenant.examine(registration)
        if not found:
            pytest.skip(f"The mode {self.mode} has no examine, or finds nothing.")
        wrong = [one for one in found if not one.ok]
        require(
            not wrong,
            f"examine finds fault with good credentials: {wrong}",
            "ask the service only what it answers to those credentials.",
        )
        after = picture.taken(zone)
        require(
            after == before,
            f"examine wrote {picture.shown(after ^ before)}.",
            "ask in a way that changes nothing.",
        )
        require_untold(tenant, "what examine returned", repr(found))

    def test_wrong_credentials_are_found_wrong(self, tenant: Tenant, intruder: Tenant) -> None:
        """As a finding or an error; with what to do."""
        registration = tenant.register()
        if not tenant.examine(registration):
            pytest.skip(f"The mode {self.mode} has no examine, or finds nothing.")
        found, mend = _examined(intruder, registration)
        require(
            any(not one.ok for one in found),
            f"examine finds no fault with wrong credentials: {found}",
            "let the service say whether they are good.",
        )
        require(mend, f"examine says no mend for {found}.", "say what to do in `mend` or `hint`.")
        require_untold(intruder, "what examine returned", repr(found))


def _examined(tenant: Tenant, registration: Registration) -> tuple[tuple[Finding, ...], str]:
    """Return what is found, with an error as a finding, and the mend."""
    try:
        found = tenant.examine(registration)
    except PicdnsError as error:
        require_unsaid(tenant, error)
        finding = Finding(name="token", ok=False, finding=error.message, mend=error.hint)
        return (finding,), error.hint
    return found, "".join(one.mend for one in found if not one.ok)
