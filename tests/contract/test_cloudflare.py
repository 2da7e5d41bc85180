"""The mode cloudflare keeps the contract."""

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestCloudflare(ProviderContract):
    mode = "cloudflare"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        cloudflare = local_internet.cloudflare()

        def foreign(name: str, rdtype: str, value: str) -> None:
            cloudflare.add_record("home.test", rdtype, name, value)

        return Service(
            domain="contract.home.test",
            settings={"api_url": cloudflare.api_url},
            secrets={"token": cloudflare.default_token},
            wrong_secrets={"token": "x" * 40},
            zone=local_internet.zone(),
            foreign=foreign,
            faults=cloudflare.faults,
        )
