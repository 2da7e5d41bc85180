"""The mode cloudflare keeps the contract."""

from functools import partial

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestCloudflare(ProviderContract):
    mode = "cloudflare"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        cloudflare = local_internet.cloudflare()
        return Service(
            domain="contract.home.test",
            settings={"api_url": cloudflare.api_url},
            secrets={"token": cloudflare.default_token},
            wrong_secrets={"token": "x" * 40},
            zone=local_internet.zone(),
            foreign=partial(cloudflare.add_record, "home.test"),
            faults=cloudflare.faults,
        )
