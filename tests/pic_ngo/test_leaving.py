"""teardown: the name is given back, and nothing is left at the service or on disk."""

import pytest

from picdns_core import AuthenticationFailed, NameTaken, ProviderUnavailable, Secret
from picdns_core.testing import Answer, Cut
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import MakeTenant, Tenant, posts, published


@pytest.fixture
def registered(tenant: Tenant) -> Tenant:
    """A cell with addresses and a challenge value in DNS."""
    tenant.register()
    tenant.update_ip()
    tenant.publish()
    return tenant


def lose_answer(tenant: Tenant, service: PicNgo) -> None:
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        tenant.register()


def test_nothing_is_left(registered: Tenant, service: PicNgo) -> None:
    """In DNS, at the service and on disk; the TOTP secret is the host's and stays."""
    assert registered.teardown() is True
    assert registered.is_free("home")
    assert published(service, "home") == {}
    assert registered.kept() == {"totp_secret"}


def test_twice_is_safe(registered: Tenant, service: PicNgo) -> None:
    """The second time nothing is to be changed at the service."""
    registered.teardown()
    service.requests.clear()
    assert registered.teardown() is False
    assert {one.method for one in service.requests} == {"GET"}


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


def test_a_registration_that_was_never_heard_of_is_given_back(
    tenant: Tenant, service: PicNgo
) -> None:
    """The key on disk gets the token once more."""
    lose_answer(tenant, service)
    assert tenant.is_free("home") is False
    assert tenant.teardown() is True
    assert tenant.is_free("home")
    assert tenant.kept() == {"totp_secret"}


def test_a_wrong_secret_does_not_cost_the_key_of_a_name_that_is_registered(
    tenant: Tenant, service: PicNgo
) -> None:
    """It is the only right to give the name back."""
    lose_answer(tenant, service)
    tenant.secrets.put("totp_secret", Secret("JBSWY3DPEHPK3PXP" * 2))
    with pytest.raises(AuthenticationFailed, match="the TOTP secret is wrong"):
        tenant.teardown()
    tenant.secrets.put("totp_secret", Secret(service.totp_secret))
    tenant.teardown()
    assert tenant.is_free("home")


@pytest.mark.parametrize("order", [("home", "haus"), ("haus", "home")])
def test_a_renaming_that_was_not_finished_is_given_back_name_by_name(
    registered: Tenant, service: PicNgo, order: tuple[str, str]
) -> None:
    """The answer about the new one was lost, and nobody has its token yet."""
    registered.name = "haus"
    lose_answer(registered, service)
    first, second = order
    registered.name = first
    assert registered.teardown() is True
    assert [registered.is_free(name) for name in order] == [True, False]
    registered.name = second
    assert registered.teardown() is True
    assert registered.is_free(second)
    assert registered.kept() == {"totp_secret"}


def test_the_former_name_is_given_back_without_the_new_one(
    registered: Tenant, service: PicNgo
) -> None:
    """A renaming that has yet to give up the former; and the second time there is nothing."""
    registered.name = "haus"
    service.on("DELETE", "/registrations/home$", Cut(), first=1)
    with pytest.raises(ProviderUnavailable):
        registered.register()
    registered.name = "home"
    assert [registered.teardown(), registered.teardown()] == [True, False]
    assert registered.is_free("home")
    registered.name = "haus"
    assert registered.is_registered()
    assert registered.kept() == {"totp_secret", "token"}


def test_a_token_that_is_gone_is_not_taken_for_a_name_given_back(
    registered: Tenant,
) -> None:
    """The name is still registered; with the file restored it can be given back."""
    backup = registered.token
    registered.token_file.unlink()
    with pytest.raises(
        AuthenticationFailed, match=r"home\.pic\.ngo cannot be given back"
    ) as caught:
        registered.teardown()
    assert "Restore data/api/.ddns_token from a backup" in caught.value.hint
    registered.token_file.write_text(backup)
    assert registered.teardown() is True


def test_a_token_that_is_gone_with_its_name_is_fine(registered: Tenant, service: PicNgo) -> None:
    """The service lost the registration as well."""
    registered.token_file.unlink()
    service.forget()
    assert registered.teardown() is False


def test_a_name_that_was_refused_to_us_is_none_of_ours(
    make_tenant: MakeTenant, service: PicNgo
) -> None:
    """Another cell has it; ours has nothing to give back."""
    owner, stranger = make_tenant("home"), make_tenant("elsewhere")
    owner.register()
    service.forget_codes()
    stranger.name = "home"
    with pytest.raises(NameTaken):
        stranger.register()
    assert stranger.teardown() is False
    assert owner.is_registered()


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
