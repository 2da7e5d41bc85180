"""Having a CA revoke a certificate (RFC 8555, section 7.6)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from acme import messages
from cryptography import x509

from picdns_core.issuing.problems import problem_code, revocation_refused
from picdns_core.issuing.wire import Client

Reason = Literal[
    "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"
]
"""Why a certificate is revoked, as RFC 5280, section 5.3.1, names it."""

REASONS: Mapping[Reason, int] = MappingProxyType(
    {
        "unspecified": 0,
        "keyCompromise": 1,
        "affiliationChanged": 3,
        "superseded": 4,
        "cessationOfOperation": 5,
    }
)
"""The codes of the reasons."""

_OTHERS = ("rateLimited", "serverInternal", "badNonce", "userActionRequired", "accountDoesNotExist")
"""Problems that are not about the certificate."""


def revoke(
    client: Client, fullchain_pem: bytes, reason: int, renew_account: Callable[[Client], None]
) -> None:
    """Revoke the leaf, signed by the account; one that is revoked already is fine."""
    leaf = x509.load_pem_x509_certificate(fullchain_pem)
    try:
        try:
            client.revoke(leaf, reason)
        except messages.Error as error:
            if error.code != "accountDoesNotExist":
                raise
            renew_account(client)
            client.revoke(leaf, reason)
    except messages.Error as error:
        code = problem_code(error)
        if code in _OTHERS:
            raise
        if code != "alreadyRevoked":
            raise revocation_refused(error) from error
