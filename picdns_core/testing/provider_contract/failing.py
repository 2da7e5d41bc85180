"""What hooks do when the service refuses, breaks down or talks nonsense."""

import re

import pytest

from picdns_core import AuthenticationFailed, ConfigError, PicdnsError, ProviderUnavailable
from picdns_core.testing import Answer, Cut, Fault, Faults, Reply, Request, Zone

from . import picture
from .acts import ACTS, error_of, prepared
from .base import Contract
from .tenant import Tenant
from .verdict import require

_STILL_WORKS = re.compile(r"\b(stays?|still|goes? on|as before|unchanged|nothing)\b", re.IGNORECASE)
DOWN: dict[str, Fault] = {
    "cut": Cut(),
    "error 500": Answer(500),
    "HTML": Answer(200, {"Content-Type": "text/html"}, "<!DOCTYPE html><h1>Be right back</h1>"),
}
"""How a service that is down presents itself."""

_MOST_REQUESTS = 8  # of one claim; what is asked later is not lost


class _LostAfter(Fault):
    """The service does all that it is asked, and only its first answers are heard."""

    def __init__(self, heard: int) -> None:
        self._left = heard

    def after(self, request: Request, reply: Reply) -> Reply:
        self._left -= 1
        return reply if self._left >= 0 else Cut("reply").after(request, reply)


class Failing(Contract):
    """The suite's part about errors."""

    def test_wrong_credentials_are_refused(self, intruder: Tenant, zone: Zone) -> None:
        """At setup and not at the first renewal, in words that help, with nothing written."""
        before = picture.taken(zone)
        error = error_of(intruder.register)
        require(
            isinstance(error, AuthenticationFailed | ConfigError),
            f"register with wrong credentials {told(error)}",
            "ask the service whether they are right, and raise AuthenticationFailed, or "
            "ConfigError naming the setting.",
        )
        require(
            error and error.hint,
            f"register with wrong credentials {told(error)} There is no hint.",
            "say in `hint` where the right credentials are to be had and where they go.",
        )
        after = picture.taken(zone)
        require(
            after == before,
            f"register with wrong credentials wrote {picture.shown(after ^ before)}.",
            "find out whether the credentials are right before anything is written.",
        )

    @pytest.mark.parametrize("down", DOWN)
    @pytest.mark.parametrize("act", ACTS)
    def test_a_service_that_is_down_is_told(
        self, act: str, down: str, tenant: Tenant, faults: Faults
    ) -> None:
        """As an outage, which is nobody's fault here; once it is over the same call succeeds."""
        call = prepared(act, tenant)
        if call is None:
            pytest.skip(f"The mode {self.mode} has no {act}.")
        faults.on(".*", "", DOWN[down])
        error = error_of(call)
        require(
            isinstance(error, ProviderUnavailable),
            f"{act} while the service was down ({down}) {told(error)}",
            "raise ProviderUnavailable for a broken connection, a 5xx and what is not the "
            "service's own form of answer; only a clear refusal is AuthenticationFailed.",
        )
        require(
            error and _STILL_WORKS.search(error.message) and error.hint,
            f"{act} while the service was down ({down}) {told(error)}",
            'say in the message what still works, as "What is served stays so.", and in '
            "`hint` what to do.",
        )
        faults.clear()
        call()

    def test_a_claim_whose_answer_was_lost_is_found_again(
        self, tenant: Tenant, zone: Zone, faults: Faults
    ) -> None:
        """The service did what was asked, and nobody heard; the same call completes the claim.

        Each call hears one answer more than the one before, so that any of them is lost once.
        """
        before = picture.taken(zone)
        for heard in range(_MOST_REQUESTS):
            faults.on(".*", "", _LostAfter(heard))
            error = error_of(tenant.register)
            faults.clear()
            if error is None:
                break
        registration = tenant.register()
        require(
            tenant.register() == registration,
            "register made a claim whose answer was lost, and later another one.",
            "look for what is there, or send an idempotency key that is kept in `secrets`.",
        )
        tenant.teardown(registration)
        require(
            picture.becomes(zone, before),
            "After register without an answer, register, and teardown the zone has "
            f"{picture.shown(picture.taken(zone) - before)}.",
            "complete the first claim instead of making another.",
        )


def told(error: PicdnsError | None) -> str:
    """Say what happened, an error as its user would see it."""
    return f"raised {type(error).__name__}: {error}" if error else "returned as if all were well."
