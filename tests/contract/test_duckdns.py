"""The mode duckdns keeps the contract."""

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestDuckDns(ProviderContract):
    mode = "duckdns"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        duckdns = local_internet.duckdns()
        return Service(
            domain="contract.duckdns.org",
            settings={"api_url": duckdns.url},
            secrets={"token": duckdns.account("contract")},
            wrong_secrets={"token": "00000000-0000-4000-8000-000000000000"},
            zone=local_internet.zone("duckdns.org"),
            faults=duckdns.faults,
        )
