"""How hooks use what they are given with each call."""

from .acts import ACTS, prepared
from .base import Contract
from .tenant import OneCallSession, Tenant
from .verdict import require


class Calling(Contract):
    """The suite's part about sessions."""

    def test_each_call_uses_its_own_http(self, tenant: Tenant) -> None:
        """The session ends with the call, and belongs to its thread."""
        OneCallSession.strays.clear()
        for act in ACTS:
            if call := prepared(act, tenant):
                call()
        require(
            not OneCallSession.strays,
            f"The `http` of one call was used {', '.join(sorted(set(OneCallSession.strays)))}.",
            "use the `http` that the hook is given and keep none; ask the service in publish and "
            "withdraw, not in the hook publisher.",
        )
