"""No secret is in what hooks return, log or raise."""

import logging
import traceback
from collections.abc import Iterable
from urllib.parse import quote

import pytest

from picdns_core import PicdnsError
from picdns_core.testing import Cut, Faults

from .acts import ACTS, error_of, prepared
from .base import Contract
from .samples import BOTH
from .tenant import Tenant
from .verdict import require


class Secrecy(Contract):
    """The suite's part about secrets."""

    @pytest.fixture
    def holder(self, tenant: Tenant) -> Tenant:
        """Return the cell, where it has a secret to hide."""
        if not tenant.mode.secrets:
            pytest.skip(f"The mode {self.mode} has no secrets.")
        return tenant

    def test_no_secret_is_in_what_is_returned(self, holder: Tenant) -> None:
        """The core keeps notes on disk and hands them to observers; reprs end up in logs."""
        registration = holder.register()
        require_untold(holder, "the Registration that register returned", repr(registration))
        if holder.mode.publishes_addresses:
            publication = holder.update_ip(registration, BOTH)
            require_untold(holder, "the Publication that update_ip returned", repr(publication))
        with holder.publisher(registration) as publisher:
            require_untold(holder, "the repr of what publisher returned", repr(publisher))

    def test_no_secret_is_logged(self, holder: Tenant, caplog: pytest.LogCaptureFixture) -> None:
        """All is well, and every logger speaks at DEBUG."""
        with caplog.at_level(logging.DEBUG):
            for act in ACTS:
                if call := prepared(act, holder):
                    call()
        require_unlogged(holder, caplog.records)

    def test_no_secret_is_in_a_refusal(
        self, intruder: Tenant, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Wrong credentials are close to the right ones; they are hidden as well."""
        with caplog.at_level(logging.DEBUG):
            error = error_of(intruder.register)
        require_unsaid(intruder, error)
        require_unlogged(intruder, caplog.records)

    @pytest.mark.parametrize("act", ACTS)
    def test_no_secret_is_in_an_outage(
        self,
        act: str,
        holder: Tenant,
        faults: Faults,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """HTTP libraries put the URL into their errors, and a token may be in it."""
        call = prepared(act, holder)
        if call is None:
            pytest.skip(f"The mode {self.mode} has no {act}.")
        faults.on(".*", "", Cut())
        with caplog.at_level(logging.DEBUG):
            error = error_of(call)
        require_unsaid(holder, error)
        require_unlogged(holder, caplog.records)


def require_untold(tenant: Tenant, where: str, text: str) -> None:
    """Fail if one of the cell's secrets is in the text."""
    for name, value in tenant.secrets.values.items():
        require(
            value not in text and quote(value, safe="") not in text,
            f"The secret {name} is in {where}.",
            "keep it in a Secret, reveal() it only where it is sent, and raise `from None` "
            "where the cause of an error would show it.",
        )


def require_unlogged(tenant: Tenant, records: Iterable[logging.LogRecord]) -> None:
    """Fail if one of the cell's secrets was logged."""
    for record in records:
        where = f"what {record.name} logs at {record.levelname} ({record.funcName})"
        require_untold(tenant, where, logging.Formatter().format(record))


def require_unsaid(tenant: Tenant, error: PicdnsError | None) -> None:
    """Fail if one of the cell's secrets is in an error, or in those that it came from."""
    if error:
        where = f"the {type(error).__name__} or the errors that it came from"
        require_untold(tenant, where, "".join(traceback.format_exception(error)))
