"""What every part of the suite begins with: the cell, its claim and the zone."""

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import ClassVar

import pytest

from picdns_core import Publisher, Registration
from picdns_core.testing import Faults, LocalInternet, Zone

from . import picture
from .service import Service
from .tenant import Tenant


class Contract:
    """Fixtures of the suite; `mode` and `service` are the author's to give."""

    mode: ClassVar[str]
    """The name of the domain mode, which is installed."""

    @pytest.fixture
    def service(self) -> Service:
        """Return the service to test against."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a fixture `service` that returns a Service."
        )

    @pytest.fixture
    def tenant(self, service: Service, local_internet: LocalInternet) -> Iterator[Tenant]:
        """Make the cell that asks for the service's name; what it holds at the end it gives back.

        The service is well again by then.
        """
        bundle = service.ca_bundle or local_internet.authority.bundle
        tenant = Tenant(self.mode, service.domain, service.settings, service.secrets, bundle)
        yield tenant
        if service.faults:
            service.faults.clear()
        if tenant.claim:
            with suppress(Exception):  # what is wrong with teardown has tests of its own
                tenant.teardown(tenant.claim)

    @pytest.fixture(autouse=True)
    def _zone_stays_as_it_was(self, service: Service) -> Iterator[None]:
        with picture.restored(service.zone) if service.zone else nullcontext():
            yield

    @pytest.fixture
    def zone(self, service: Service) -> Zone:
        """Return the zone to look at."""
        if service.zone is None:
            pytest.skip(f"The service of {self.mode} names no zone to look at.")
        return service.zone

    @pytest.fixture
    def registration(self, tenant: Tenant) -> Registration:
        """Claim the name."""
        return tenant.register()

    @pytest.fixture
    def publisher(self, tenant: Tenant, registration: Registration) -> Iterator[Publisher]:
        """Return what writes DNS-01 values."""
        with tenant.publisher(registration) as publisher:
            if publisher is None:
                pytest.skip(f"The mode {self.mode} does not use DNS-01.")
            yield publisher

    @pytest.fixture
    def faults(self, service: Service) -> Faults:
        """Return what makes the service fail."""
        if service.faults is None:
            pytest.skip(f"The service of {self.mode} cannot be made to fail.")
        return service.faults

    @pytest.fixture
    def intruder(self, service: Service, tenant: Tenant) -> Tenant:
        """Make the cell with credentials that the service refuses."""
        if not service.wrong_secrets:
            pytest.skip(f"The service of {self.mode} has no wrong secrets to try.")
        return tenant.with_secrets({**service.secrets, **service.wrong_secrets})
