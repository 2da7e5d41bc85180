"""The mode lan keeps the contract."""

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestLan(ProviderContract):
    mode = "lan"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        return Service(domain="contract.cell", zone=local_internet.zone())
