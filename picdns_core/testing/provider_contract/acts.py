"""The calls of a provider that reach its service, each by the name of what it does."""

from collections.abc import Callable

from picdns_core import PicdnsError, Registration, TxtRecord

from .samples import BOTH, answer_for
from .tenant import Tenant

ACTS = ("register", "update_ip", "publish", "withdraw", "teardown")


def prepared(act: str, tenant: Tenant) -> Callable[[], object] | None:
    """Do all that comes before an act and return its call; None where the mode has no such."""
    if act == "register":
        return tenant.register
    registration = tenant.register()
    if act == "teardown":
        return lambda: tenant.teardown(registration)
    if act == "update_ip":
        if not tenant.mode.publishes_addresses:
            return None
        return lambda: tenant.update_ip(registration, BOTH)
    record = answer_for(tenant.cell.domain)
    with tenant.publisher(registration) as publisher:
        if publisher is None:
            return None
        if act == "withdraw":
            publisher.publish(record)
    return lambda: _publisher_call(act, tenant, registration, record)


def error_of(call: Callable[[], object]) -> PicdnsError | None:
    """Return what a call raises, None when all is well."""
    try:
        call()
    except PicdnsError as error:
        return error
    return None


def _publisher_call(
    act: str, tenant: Tenant, registration: Registration, record: TxtRecord
) -> None:
    with tenant.publisher(registration) as publisher:
        getattr(publisher, act)(record)
