"""A process that is killed between two steps: the next one comes to the same result."""

import json
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from picdns_core import Secret, Secrets
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import MakeTenant, Tenant

When = Literal["before", "after"]
Act = Callable[[Tenant], None]
MOST_STEPS = 20
REGISTERED = {"totp_secret", "token"}


class Kill(BaseException):
    """What no handler of errors stops."""


class DeadlySecrets:
    """Kills the process before or after the nth change on disk."""

    def __init__(self, secrets: Secrets, nth: int, when: When) -> None:
        self._secrets = secrets
        self._left = nth
        self._when = when

    def get(self, name: str) -> Secret | None:
        return self._secrets.get(name)

    def put(self, name: str, value: Secret) -> None:
        self._change(lambda: self._secrets.put(name, value))

    def delete(self, name: str) -> None:
        self._change(lambda: self._secrets.delete(name))

    def _change(self, change: Callable[[], None]) -> None:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise Kill
        change()
        if self._left == 0:
            raise Kill


def killed_at(tenant: Tenant, nth: int, when: When, act: Act) -> bool:
    """Act in a process that is killed at its nth step; False where there are fewer."""
    alive, tenant.secrets = tenant.secrets, DeadlySecrets(tenant.secrets, nth, when)
    try:
        act(tenant)
    except Kill:
        return True
    finally:
        tenant.secrets = alive
    return False


def survivors(
    make_tenant: MakeTenant, when: When, *, before: Act, act: Act, then: Act
) -> Iterator[Tenant]:
    """Make a cell for each step of `act`: killed there, and gone on with in the next process."""
    for nth in range(1, MOST_STEPS):
        tenant = make_tenant(f"home{nth}")
        before(tenant)
        killed = killed_at(tenant, nth, when, act)
        then(tenant)
        yield tenant
        if not killed:
            assert nth > 1
            return
    pytest.fail("It takes more steps than anybody thought.")


def keys(service: PicNgo, name: str) -> set[str | None]:
    """Return the idempotency keys under which a name was registered, or tried to be."""
    return {
        one.header("Idempotency-Key")
        for one in service.requests
        if one.method == "POST" and json.loads(one.body)["name"] == name
    }


def do_nothing(tenant: Tenant) -> None:
    pass


def register(tenant: Tenant) -> None:
    tenant.register()


def register_as_another(tenant: Tenant) -> None:
    tenant.name = tenant.name.replace("home", "haus")
    tenant.register()


def register_as_before(tenant: Tenant) -> None:
    tenant.service.forget_codes()
    tenant.name = tenant.name.replace("haus", "home")
    tenant.register()


def teardown(tenant: Tenant) -> None:
    tenant.teardown()


def former(tenant: Tenant) -> str:
    return tenant.name.replace("haus", "home")


def other(tenant: Tenant) -> str:
    return tenant.name.replace("home", "haus")


@pytest.fixture(params=["before", "after"])
def when(request: pytest.FixtureRequest) -> When:
    """Whether the kill comes before or after a change on disk."""
    found: When = request.param
    return found


def test_registering(make_tenant: MakeTenant, service: PicNgo, when: When) -> None:
    """One registration by one key, whose token is on disk."""
    for tenant in survivors(make_tenant, when, before=do_nothing, act=register, then=register):
        assert tenant.is_registered()
        assert tenant.kept() == REGISTERED
        assert len(keys(service, tenant.name)) == 1


def test_registering_anew(make_tenant: MakeTenant, service: PicNgo, when: When) -> None:
    """After the service lost its database: one more, by one more key."""

    def lose(tenant: Tenant) -> None:
        tenant.register()
        service.forget()

    for tenant in survivors(make_tenant, when, before=lose, act=register, then=register):
        assert tenant.is_registered()
        assert tenant.kept() == REGISTERED
        assert len(keys(service, tenant.name)) == 2


def test_renaming(make_tenant: MakeTenant, service: PicNgo, when: When) -> None:
    """The new name is ours, by one key, and the former is free."""
    for tenant in survivors(
        make_tenant, when, before=register, act=register_as_another, then=register_as_another
    ):
        assert tenant.is_registered()
        assert tenant.is_free(former(tenant))
        assert tenant.kept() == REGISTERED
        assert len(keys(service, tenant.name)) == 1


def test_renaming_that_is_taken_back(make_tenant: MakeTenant, when: When) -> None:
    """The first name is ours, and the other is free."""
    for tenant in survivors(
        make_tenant, when, before=register, act=register_as_another, then=register_as_before
    ):
        assert tenant.is_registered()
        assert tenant.is_free(other(tenant))
        assert tenant.kept() == REGISTERED


def test_leaving(make_tenant: MakeTenant, when: When) -> None:
    """The name is free, and no secret is left but the host's."""
    for tenant in survivors(make_tenant, when, before=register, act=teardown, then=teardown):
        assert tenant.is_free(tenant.name)
        assert tenant.kept() == {"totp_secret"}


def test_leaving_amid_a_registration(make_tenant: MakeTenant, when: When) -> None:
    """The name is free, whether or not its token has come."""
    for tenant in survivors(make_tenant, when, before=do_nothing, act=register, then=teardown):
        assert tenant.is_free(tenant.name)
        assert tenant.kept() == {"totp_secret"}


@pytest.mark.parametrize("first", [former, other])
def test_leaving_amid_a_renaming(
    make_tenant: MakeTenant, when: When, first: Callable[[Tenant], str]
) -> None:
    """Both names are free, whichever claim is given back first."""

    def leave(tenant: Tenant) -> None:
        for name in sorted([former(tenant), other(tenant)], key=first(tenant).__ne__):
            tenant.name = name
            tenant.teardown()

    for tenant in survivors(
        make_tenant, when, before=register, act=register_as_another, then=leave
    ):
        assert tenant.is_free(former(tenant))
        assert tenant.is_free(other(tenant))
        assert tenant.kept() == {"totp_secret"}
