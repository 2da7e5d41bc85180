"""A cell with a new name: that one is registered first, and the former then given up."""

import pytest

from picdns_core import ForeignName, NameTaken, ProviderUnavailable
from picdns_core.testing import Cut
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import ADDRESSES, MakeTenant, Tenant, posts, published


@pytest.fixture
def renamed(tenant: Tenant) -> Tenant:
    """A cell that is `home` at the service and `haus` in its config."""
    tenant.register()
    tenant.update_ip()
    tenant.name = "haus"
    return tenant


def test_the_new_name_is_registered_and_the_former_given_up(
    renamed: Tenant, service: PicNgo
) -> None:
    """Nothing of the former is left in DNS, and no secret of it on disk."""
    renamed.register()
    assert renamed.is_registered()
    assert renamed.is_free("home")
    assert published(service, "home") == {}
    assert renamed.kept() == {"totp_secret", "token"}


def test_teardown_of_the_former_name_finds_nothing_to_do(renamed: Tenant) -> None:
    """As the core asks for it afterwards; the new name is not touched."""
    renamed.register()
    renamed.name = "home"
    assert renamed.teardown() is False
    renamed.name = "haus"
    assert renamed.is_registered()
    assert renamed.kept() == {"totp_secret", "token"}


def test_a_name_that_is_taken_costs_the_former_nothing(
    renamed: Tenant, make_tenant: MakeTenant, service: PicNgo
) -> None:
    """It is published until the cell has another one."""
    make_tenant("haus").register()
    service.forget_codes()
    with pytest.raises(NameTaken):
        renamed.register()
    renamed.name = "home"
    renamed.register()
    assert renamed.is_registered()
    assert renamed.kept() == {"totp_secret", "token"}


def test_a_lost_answer_about_the_new_name_does_not_cost_it(
    renamed: Tenant, service: PicNgo
) -> None:
    """The next call gets its token, and gives the former up."""
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        renamed.register()
    renamed.register()
    assert renamed.is_registered()
    assert renamed.is_free("home")


def test_a_third_name_leaves_none_of_the_others(renamed: Tenant, service: PicNgo) -> None:
    """Chosen while the answer about the second was lost."""
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        renamed.register()
    renamed.name = "maison"
    renamed.register()
    assert renamed.is_registered()
    assert [renamed.is_free(name) for name in ("home", "haus")] == [True, True]
    assert renamed.kept() == {"totp_secret", "token"}


def test_a_cell_that_is_named_back_keeps_its_first_registration(
    renamed: Tenant, service: PicNgo
) -> None:
    """The former was not given up yet, because the service broke down then."""
    first = renamed.token
    service.on("DELETE", "/registrations/home$", Cut(), first=1)
    with pytest.raises(ProviderUnavailable):
        renamed.register()
    renamed.name = "home"
    renamed.register()
    assert renamed.token == first
    assert renamed.is_registered()
    assert renamed.is_free("haus")
    assert renamed.kept() == {"totp_secret", "token"}
    assert len(posts(service)) == 2


def test_what_a_renamed_cell_publishes_waits_for_its_registration(renamed: Tenant) -> None:
    """The message says whose token that is."""
    with pytest.raises(ForeignName, match=r"is for home\.pic\.ngo and not for haus\.pic\.ngo"):
        renamed.update_ip(ADDRESSES)
    renamed.withdraw()
    renamed.name = "home"
    assert renamed.is_registered()
