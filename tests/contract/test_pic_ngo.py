"""The mode pic_ngo keeps the contract."""

import pytest

from picdns_core.testing import LocalInternet, ProviderContract, Service


class TestPicNgo(ProviderContract):
    mode = "pic_ngo"

    @pytest.fixture
    def service(self, local_internet: LocalInternet) -> Service:
        pic_ngo = local_internet.pic_ngo()
        pic_ngo.also_global = ["192.0.2.0/24", "2001:db8::/32"]
        return Service(
            domain="contract.pic.ngo",
            settings={"api_url": pic_ngo.url},
            secrets={"totp_secret": pic_ngo.totp_secret},
            wrong_secrets={"totp_secret": "ORSXG5DPOJSWC3DTMVRXEZLU"},
            zone=local_internet.zone("pic.ngo"),
            faults=pic_ngo.faults,
        )
