"""The suite as an author would use it, on the provider in memory and on broken ones."""

from collections.abc import Iterator

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service

from .registry import TOKEN, Registry


class MemoryService:
    """The fixture, for the whole suite or a part of it."""

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Iterator[Service]:
        zone = local_internet.zone("registry.test")
        with Registry(zone) as registry:
            yield Service(
                domain="contract.registry.test",
                settings={"url": registry.url},
                secrets={"token": TOKEN},
                wrong_secrets={"token": "wrong-token-of-nobody"},
                zone=zone,
                foreign=registry.plant,
                faults=registry.faults,
            )


class MemoryContract(MemoryService, ProviderContract):
    """Waits for a `mode`."""
