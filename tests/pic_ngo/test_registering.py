"""register: the name is claimed once, whatever gets lost on the way."""

import json
import stat

import pytest

from picdns_core import (
    AuthenticationFailed,
    ConfigError,
    NameTaken,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Registration,
    Secret,
    config,
)
from picdns_core.testing import Answer, Cut
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import MakeTenant, Tenant, posts

WRONG = "JBSWY3DPEHPK3PXP" * 2
USED = {"type": "https://ddns.pic.ngo/problems/totp-used", "retry_after": 17}


def test_the_token_is_kept_where_the_host_keeps_it(tenant: Tenant) -> None:
    """Only we can read it; of the key that got it nothing is left."""
    assert tenant.register() == Registration(domain="home.pic.ngo", notes={"registered": True})
    assert tenant.is_registered()
    assert stat.S_IMODE(tenant.token_file.stat().st_mode) == 0o600
    assert tenant.kept() == {"totp_secret", "token"}


def test_twice_changes_nothing(tenant: Tenant, service: PicNgo) -> None:
    """The second time finds the token of the first."""
    first = tenant.register(), tenant.token
    assert (tenant.register(), tenant.token) == first
    assert len(posts(service)) == 1


@pytest.mark.parametrize("lost", [Cut(at="request"), Cut(at="reply"), Cut(at="body")])
def test_a_lost_answer_is_asked_for_again(tenant: Tenant, service: PicNgo, lost: Cut) -> None:
    """With the same key, by the next call; so the token comes after all."""
    service.on("POST", "/registrations$", lost, first=1)
    with pytest.raises(ProviderUnavailable):
        tenant.register()
    assert tenant.kept() == {"totp_secret", "registration_key"}
    tenant.register()
    assert tenant.is_registered()
    assert tenant.kept() == {"totp_secret", "token"}
    first, second = posts(service)
    assert first == second


def test_a_name_that_another_cell_has_is_taken(make_tenant: MakeTenant, service: PicNgo) -> None:
    """The other cell does not notice; what would bring the name back is in the hint."""
    owner, stranger = make_tenant("home"), make_tenant("elsewhere")
    owner.register()
    service.forget_codes()
    stranger.name = "home"
    with pytest.raises(NameTaken, match=r"^home\.pic\.ngo is taken: another cell has it") as caught:
        stranger.register()
    assert "data/api/.ddns_token" in caught.value.hint
    assert owner.is_registered()
    assert stranger.kept() == {"totp_secret"}


def test_a_reserved_name_is_not_given(make_tenant: MakeTenant) -> None:
    """The service keeps some for itself."""
    with pytest.raises(NameTaken, match=r"^www\.pic\.ngo is reserved"):
        make_tenant("www").register()


@pytest.mark.parametrize("name", ["", "ab", "-home", "home.cellar", "home_"])
def test_a_name_that_the_service_does_not_give_is_not_asked_for(
    make_tenant: MakeTenant, service: PicNgo, name: str
) -> None:
    """One label of the right form is wanted."""
    with pytest.raises(ConfigError, match=r"^domain_name: .* is not a name") as caught:
        make_tenant(name).register()
    assert caught.value.key == "domain_name"
    assert service.requests == []


def test_names_the_service_finds_fault_with_are_told_in_its_words(make_tenant: MakeTenant) -> None:
    """It has rules for international names that we leave to it."""
    with pytest.raises(ProviderError, match=r"It says: .*HTTP 400") as caught:
        make_tenant("ab--cd").register()
    assert caught.value.retryable is False


def test_a_wrong_secret_is_told_from_a_wrong_clock(tenant: Tenant) -> None:
    """The clock is right, so it can only be the secret."""
    tenant.secrets.put("totp_secret", Secret(WRONG))
    with pytest.raises(AuthenticationFailed, match="the TOTP secret is wrong") as caught:
        tenant.register()
    assert type(caught.value) is AuthenticationFailed  # its name is in what `status` says
    assert tenant.is_free("home")


@pytest.mark.parametrize(
    "secret", ["not base32!", "JBSWY3DPEHPK3PX1" * 2, "-", "otpauth://totp/x?secret=AAAA", "Ä1"]
)
def test_a_malformed_secret_is_not_used(tenant: Tenant, service: PicNgo, secret: str) -> None:
    """Nothing is sent, and nothing is written."""
    tenant.secrets.put("totp_secret", Secret(secret))
    with pytest.raises(ConfigError, match=r"^ddns\.totp_secret: it is not base32"):
        tenant.register()
    assert service.requests == []
    assert tenant.kept() == {"totp_secret"}


def test_a_secret_may_be_written_in_groups(tenant: Tenant, service: PicNgo) -> None:
    """As people copy it: in small letters, with spaces."""
    groups = [service.totp_secret[at : at + 4].lower() for at in range(0, 32, 4)]
    tenant.secrets.put("totp_secret", Secret(" ".join(groups)))
    tenant.register()
    assert tenant.is_registered()


def test_without_a_secret_nothing_is_registered(tenant: Tenant) -> None:
    """It says which setting is missing."""
    tenant.secrets.delete("totp_secret")
    with pytest.raises(ConfigError, match=r"^ddns\.totp_secret: the TOTP secret is missing"):
        tenant.register()


def test_a_used_code_is_told_with_the_time_until_the_next(tenant: Tenant, service: PicNgo) -> None:
    """It is for the caller to wait, who can be stopped; the next call goes on with the key."""
    service.on("POST", "/registrations$", Answer(401, body=json.dumps(USED)), first=1)
    with pytest.raises(RateLimited, match="the next one comes in 17 s") as caught:
        tenant.register()
    assert (caught.value.retry_after, len(posts(service))) == (17, 1)
    tenant.register()
    assert tenant.is_registered()
    first, second = posts(service)
    assert first == second


def test_a_key_whose_registration_was_given_up_makes_room_for_a_new_one(
    tenant: Tenant, service: PicNgo
) -> None:
    """As a backup brings it back."""
    tenant.register()
    old = posts(service)[0].strip('"')
    tenant.teardown()
    service.forget_codes()
    tenant.secrets.put("registration_key", Secret(f"home:{old}"))
    tenant.register()
    assert tenant.is_registered()
    assert tenant.kept() == {"totp_secret", "token"}


def test_a_cell_that_has_a_token_is_adopted(tenant: Tenant, service: PicNgo) -> None:
    """From a host that registered by other means; not even the TOTP secret is needed."""
    tenant.register()
    token = tenant.token
    tenant.token_file.write_text(f"{token}\n")
    tenant.secrets.delete("totp_secret")
    service.requests.clear()
    tenant.register()
    assert tenant.token == f"{token}\n"
    assert [one.method for one in service.requests] == ["GET"]


@pytest.mark.parametrize("failure", [Cut(), Answer(500), Answer(401), Answer(429)])
def test_a_token_is_never_registered_over_because_the_service_is_down(
    tenant: Tenant, service: PicNgo, failure: Answer | Cut
) -> None:
    """What is not said by the service itself says nothing about the token."""
    tenant.register()
    token = tenant.token
    service.on("GET", "/registrations/", failure)
    with pytest.raises(PicdnsError) as caught:
        tenant.register()
    assert caught.value.retryable is True
    assert (tenant.token, len(posts(service))) == (token, 1)


def test_a_damaged_token_is_neither_sent_nor_registered_over(
    tenant: Tenant, service: PicNgo
) -> None:
    """The name would be lost with it."""
    tenant.secrets.put("token", Secret("two words"))
    with pytest.raises(AuthenticationFailed, match=r"data/api/\.ddns_token does not hold a token"):
        tenant.register()
    assert service.requests == []
    assert tenant.token == "two words"


def test_a_damaged_token_is_told_with_the_ways_out(tenant: Tenant) -> None:
    """The backup; and without one, another name, which leaves the file for a second look."""
    tenant.secrets.put("token", Secret("two words"))
    with pytest.raises(AuthenticationFailed) as caught:
        tenant.register()
    assert "Restore it from a backup" in caught.value.hint
    assert "move the file away and choose another cell_name" in caught.value.hint


def test_a_new_key_that_a_wrong_secret_has_spent_is_forgotten(
    tenant: Tenant, service: PicNgo
) -> None:
    """It has registered nothing; one whose answer was lost perhaps has, and is kept."""
    service.on("POST", "/registrations$", Cut(at="reply"), first=1)
    with pytest.raises(ProviderUnavailable):
        tenant.register()
    tenant.secrets.put("totp_secret", Secret(WRONG))
    with pytest.raises(AuthenticationFailed):
        tenant.register()
    assert tenant.kept() == {"totp_secret", "registration_key"}
    tenant.secrets.delete("registration_key")
    with pytest.raises(AuthenticationFailed):
        tenant.register()
    assert tenant.kept() == {"totp_secret"}


def test_an_address_of_the_service_that_cannot_be_one_is_told_with_an_example(
    tenant: Tenant,
) -> None:
    """As one would write it."""
    raw = {"cell_name": "home", "domain_mode": "pic_ngo", "ddns": {"api_url": "ddns.pic.ngo"}}
    with pytest.raises(ConfigError, match=r"^ddns\.api_url: .*https://ddns\.pic\.ngo"):
        config.parse(raw, tenant.provider.mode)


def test_a_rejected_token_leads_to_one_new_registration(tenant: Tenant, service: PicNgo) -> None:
    """The service lost its database; the cell comes back by itself."""
    tenant.register()
    lost = tenant.token
    service.forget()
    tenant.register()
    assert tenant.is_registered()
    assert tenant.token != lost
    assert len(posts(service)) == 2


def test_a_name_that_was_given_to_another_cell_meanwhile_is_taken(
    tenant: Tenant, service: PicNgo
) -> None:
    """The rejected token stays, in case the service finds its database again."""
    tenant.register()
    lost = tenant.token
    service.forget(names=False)
    with pytest.raises(NameTaken):
        tenant.register()
    assert tenant.token == lost
