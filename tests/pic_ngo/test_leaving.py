"""teardown: the name is given back, and nothing is left at the service or on disk."""

import pytest

from picdns_core import ProviderUnavailable
from picdns_core.testing import Answer, Cut
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import Tenant, posts, published


@pytest.fixture
def registered(tenant: Tenant) -> Tenant:
    """A cell with addresses and a challenge value in DNS."""
    tenant.register()
    tenant.update_ip()
    tenant.publish()
    return tenant


def test_nothing_is_left(registered: Tenant, service: PicNgo) -> None:
    """In DNS, at the service and on disk; the TOTP secret is the host's and stays."""
    assert registered.teardown() is True
    assert registered.is_free("home")
    assert published(service, "home") == {}
    assert registered.kept() == {"totp_secret"}


def test_twice_is_safe(registered: Tenant, service: PicNgo) -> None:
    """The second time there is nothing to say to the service."""
    registered.teardown()
    service.requests.clear()
    assert registered.teardown() is False
    assert service.requests == []


@pytest.mark.parametrize("at", ["request", "reply", "body"])
def test_a_lost_answer_is_asked_for_again(registered: Tenant, service: PicNgo, at: str) -> None:
    """The token is kept until the service has confirmed."""
    service.on("DELETE", "/registrations/home$", Cut(at=at), first=1)  # type: ignore[arg-type]
    with pytest.raises(ProviderUnavailable):
        registered.teardown()
    assert "token" in registered.kept()
    registered.teardown()
    assert registered.is_free("home")
    assert registered.kept() == {"totp_secret"}


def test_a_token_that_the_service_does_not_know_is_done_with(
    registered: Tenant, service: PicNgo
) -> None:
    """It is not registered anew for being given back."""
    service.forget()
    assert registered.teardown() is False
    assert registered.kept() == {"totp_secret"}
    assert len(posts(service)) == 1


def test_a_service_that_is_down_does_not_count_as_one_that_forgot(
    registered: Tenant, service: PicNgo
) -> None:
    """The right to give the name back would be lost."""
    service.on("GET|DELETE", "/registrations/home$", Answer(401))
    with pytest.raises(ProviderUnavailable):
        registered.teardown()
    assert "token" in registered.kept()


def test_a_renaming_that_was_not_finished_leaves_neither_name(
    registered: Tenant, service: PicNgo
) -> None:
    """The answer about the new one was lost, and nobody has its token yet."""
    registered.name = "haus"
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        registered.register()
    registered.name = "home"
    assert registered.teardown() is True
    assert [registered.is_free(name) for name in ("home", "haus")] == [True, True]
    assert registered.kept() == {"totp_secret"}


def test_a_registration_that_was_renewed_unheard_is_given_back(
    registered: Tenant, service: PicNgo
) -> None:
    """The service lost its database, and then the answer to the new registration got lost."""
    service.forget()
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        registered.update_ip()
    registered.teardown()
    assert registered.is_free("home")
    assert registered.kept() == {"totp_secret"}
