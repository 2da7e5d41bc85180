"""A clock that is wrong is told, with how much, and how to set it right."""

import pytest

from picdns_core import ClockSkewed
from picdns_core.testing import Fault
from picdns_core.testing.services.pic_ngo import PicNgo
from picdns_core.testing.serving import Request

from .conftest import Tenant, posts


class Leap(Fault):
    """The clock of the service leaps a day ahead just before it answers."""

    def __init__(self, service: PicNgo) -> None:
        self.service = service

    def before(self, request: Request) -> None:  # noqa: ARG002
        self.service.clock_offset = 86400


@pytest.mark.parametrize(
    ("service_is_ahead", "said"),
    [
        (45, "45 seconds behind"),
        (-45, "45 seconds ahead"),
        (600, "10 minutes behind"),
        (86400, "24 hours behind"),
        (-86400 * 3, "3 days ahead"),
    ],
)
def test_a_skewed_clock_is_told_with_its_offset(
    tenant: Tenant, service: PicNgo, service_is_ahead: float, said: str
) -> None:
    """No code is spent on it, and nothing registered."""
    service.clock_offset = service_is_ahead
    with pytest.raises(ClockSkewed, match=f"This host's clock is {said}") as caught:
        tenant.register()
    assert round(caught.value.offset) == -service_is_ahead
    assert posts(service) == []


@pytest.mark.parametrize(
    "command",
    [
        "sudo apt-get install -y chrony && sudo systemctl enable --now chrony",
        "sudo dnf install -y chrony && sudo systemctl enable --now chronyd",
        "sudo apk add chrony && sudo rc-update add chronyd default && sudo service chronyd start",
    ],
)
def test_the_hint_has_the_command_for_each_system(
    tenant: Tenant, service: PicNgo, command: str
) -> None:
    """As the host's own documentation has it."""
    service.clock_offset = 45
    with pytest.raises(ClockSkewed) as caught:
        tenant.register()
    assert f"`{command}`" in caught.value.hint


@pytest.mark.parametrize("service_is_ahead", [-15, 15])
def test_a_clock_that_is_a_little_off_is_good_enough(
    tenant: Tenant, service: PicNgo, service_is_ahead: float
) -> None:
    """Codes are made by the service's time."""
    service.clock_offset = service_is_ahead
    tenant.register()
    assert tenant.is_registered()


def test_a_clock_that_leaps_is_not_taken_for_a_wrong_secret(
    tenant: Tenant, service: PicNgo
) -> None:
    """The answer that rejects the code tells the time as well."""
    service.on("POST", "/registrations$", Leap(service))
    with pytest.raises(ClockSkewed, match="24 hours behind"):
        tenant.register()


def test_a_skewed_clock_does_not_stop_what_needs_no_code(tenant: Tenant, service: PicNgo) -> None:
    """A registered cell goes on."""
    tenant.register()
    service.clock_offset = 86400
    tenant.register()
    assert tenant.update_ip().changed is True
