"""What a CA says went wrong (RFC 8555, section 6.7), in terms of what the reader can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import requests
from acme import errors, messages
from josepy.errors import DeserializationError

from picdns_core.errors import (
    AuthenticationFailed,
    ChallengeFailed,
    ConfigError,
    OrderRefused,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from picdns_core.issuing.wire import Network

_KEPT = "What is served stays so."
# What comes of reading JSON that is not of the form that it should have.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
_HINTS = {
    "connection": "Let port 80 of your public address reach this cell: forward it in the router, "
    "open it in the firewall, and check that DNS names that address.",
    "dns": "Check that the name has an A or AAAA record with your public address.",
    "unknownHost": "Check that the name has an A or AAAA record with your public address.",
    "unauthorized": "Something else answers under this name: check its A and AAAA records, and "
    "what port 80 of that address leads to.",
    "incorrectResponse": "Something else answers under this name: check its A and AAAA records, "
    "and what port 80 of that address leads to.",
    "caa": "Allow this CA in the domain's CAA record.",
    "tls": "Check what answers for this name on port 443.",
}
_DNS01_HINTS = {
    "dns": "Check with a public resolver that the domain's name servers answer.",
    "unauthorized": "The CA saw other TXT values than ours there: look for a CNAME, for name "
    "servers that lag behind or are not your provider's, and for another client of this name.",
    "incorrectResponse": "The CA saw other TXT values than ours there: look for a CNAME, for name "
    "servers that lag behind or are not your provider's, and for another client of this name.",
}
_SETTINGS = {
    "externalAccountRequired": (
        "picdns.acme.eab",
        "Set kid and hmac_key as your account at the CA shows them.",
    ),
    "invalidContact": ("picdns.acme.email", "Correct it."),
    "invalidEmail": ("picdns.acme.email", "Correct it."),
    "unsupportedContact": ("picdns.acme.email", "Correct it."),
    "invalidProfile": ("picdns.acme.profile", "Choose one that this CA offers."),
}
# serverInternal is not among them: Pebble answers so for some certificates that it has issued.
_NO_RENEWAL_S_FAULT = ("rateLimited", "accountDoesNotExist", "badNonce")
_REVOCATION_HINTS = {
    "badRevocationReason": "Give another reason, as `unspecified` or `superseded`.",
    "unauthorized": "It was had by another account. Who holds its private key can have it revoked "
    "at the CA by that.",
}


@contextmanager
def translated(network: Network, directory: str) -> Iterator[None]:
    """Raise what went wrong at the CA as one of our errors."""
    try:
        yield
    except messages.Error as error:
        raise _from_problem(error, network.retry_after) from error
    except requests.exceptions.SSLError as error:
        raise ProviderUnavailable(
            f"The CA at {directory} could not be verified: {error}. {_KEPT}",
            hint="For a private CA, check picdns.acme.ca_bundle; else check the clock.",
        ) from error
    except requests.exceptions.RequestException as error:
        raise ProviderUnavailable(
            f"The CA at {directory} could not be asked: {error}. {_KEPT}",
            hint="Check the internet connection; it is tried again next time.",
        ) from error
    except (errors.Error, DeserializationError, *_MALFORMED) as error:
        response = next(iter(error.args), None)
        if isinstance(response, requests.Response) and not response.ok:
            raise _from_status(response.status_code, network.retry_after) from error
        raise ProviderUnavailable(
            f"The CA at {directory} answered what is not ACME: "
            f"{type(error).__name__}: {_short(error)}. {_KEPT}",
            hint="Check picdns.acme.directory; if it is right, the CA has a problem: try later.",
        ) from error


def challenge_failed(name: str, authorization: messages.Authorization) -> ChallengeFailed:
    """Say why the CA did not accept a proof; `authorization` is one that became invalid."""
    problems = [challenge.error for challenge in authorization.challenges if challenge.error]
    why = "; ".join(str(problem.detail or problem.typ) for problem in problems)
    by_dns = any(one.error and one.chall.typ == "dns-01" for one in authorization.challenges)
    known = _HINTS | _DNS01_HINTS if by_dns else _HINTS
    hints = [known[problem.code] for problem in problems if problem.code in known]
    return ChallengeFailed(
        f"The CA could not verify {name}: {why or 'it gave no reason'}. {_KEPT}",
        hint=next(iter(hints), "Try again in an hour; CAs limit failures."),
    )


def order_failed(names: tuple[str, ...], error: messages.Error | None) -> PicdnsError:
    """Say why an order became invalid."""
    why = str(error.detail or error.typ) if error else "it gave no reason"
    return OrderRefused(
        f"The CA gave up the order for {', '.join(names)}: {why}. {_KEPT}",
        hint=_HINTS.get(error.code or "", "Try again in an hour.") if error else "Try again.",
    )


def problem_code(error: messages.Error) -> str:
    """Return the last part of the problem's type, which `code` has only of those acme knows."""
    return str(error.typ).rpartition(":")[2]


def not_as_renewal(error: messages.Error | errors.ConflictError) -> str | None:
    """Say why the CA takes no order that replaces; None where without that it would do no better.

    A 409, as for alreadyReplaced (RFC 9773, section 5), is a ConflictError before it is read.
    """
    if isinstance(error, errors.ConflictError):
        return "it was replaced already"
    return None if problem_code(error) in _NO_RENEWAL_S_FAULT else _said(error)


def revocation_refused(error: messages.Error) -> ProviderError:
    """Say why the CA does not revoke a certificate."""
    code = problem_code(error)
    return ProviderError(
        f"The CA does not revoke the certificate: {_said(error)} ({code}). {_KEPT}",
        hint=_REVOCATION_HINTS.get(code, "See what the CA asks for; nothing was changed."),
    )


def _from_problem(error: messages.Error, retry_after: float | None) -> PicdnsError:
    code, said = problem_code(error), _said(error)
    if setting := _SETTINGS.get(code):
        key, hint = setting
        return ConfigError(key, f"the CA says: {said}. {_KEPT}", hint=hint)
    if code == "rateLimited":
        return _rate_limited(said, retry_after)
    if code in ("serverInternal", "badNonce", "blank"):
        return ProviderUnavailable(
            f"The CA has a problem of its own: {said}. {_KEPT}",
            retry_after=retry_after,
            hint="Try again later.",
        )
    if code in ("accountDoesNotExist", "unauthorized", "userActionRequired"):
        return AuthenticationFailed(
            f"The CA does not accept this account: {said}. {_KEPT}",
            hint="See what its account page asks for; with an external account, check "
            "picdns.acme.eab.",
        )
    return OrderRefused(
        f"The CA refuses: {said} ({code}). {_KEPT}",
        hint=_HINTS["caa"]
        if code == "caa"
        else "Check the names; this CA has a rule against them.",
    )


def _from_status(status: int, retry_after: float | None) -> PicdnsError:
    """Make sense of an error that comes without a problem document, as from a proxy before it."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _rate_limited("too many requests", retry_after)
    return ProviderUnavailable(
        f"The CA, or what is before it, answers with status {status}. {_KEPT}",
        retry_after=retry_after,
        hint="Try again later.",
    )


def _rate_limited(said: str, retry_after: float | None) -> RateLimited:
    when = "" if retry_after is None else f" for {retry_after:.0f} s"
    return RateLimited(
        f"The CA asks to wait{when}: {said}. {_KEPT}",
        retry_after=retry_after,
        hint="Nothing to mend; do not force it.",
    )


def _said(error: messages.Error) -> str:
    return f"{error.detail or error.title or problem_code(error)}".rstrip(".")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
