"""The mode http01 keeps the contract."""

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestHttp01(ProviderContract):
    mode = "http01"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        return Service(domain="contract.home.test", zone=local_internet.zone())
