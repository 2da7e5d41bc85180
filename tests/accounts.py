"""Accounts at the services of the DNS modes: what a cell in such a mode is configured with."""

from collections.abc import Callable
from typing import Any, NamedTuple

from picdns_core.testing import LocalInternet, Zone
from picdns_core.testing.services.cloudflare import Cloudflare
from picdns_core.testing.services.duckdns import DuckDns
from picdns_core.testing.services.pic_ngo import PicNgo


class Account(NamedTuple):
    """`ddns` is what the config has under that key, secrets and all."""

    service: Cloudflare | DuckDns | PicNgo
    zone: Zone
    domain: str
    ddns: dict[str, Any]


def cloudflare(net: LocalInternet, label: str) -> Account:
    service = net.cloudflare("home.test")
    ddns = {"api_url": service.api_url, "token": service.default_token}
    return Account(service, net.zone("home.test"), f"{label}.home.test", ddns)


def duckdns(net: LocalInternet, label: str) -> Account:
    service = net.duckdns()
    ddns = {"api_url": service.url, "token": service.account(label)}
    return Account(service, net.zone("duckdns.org"), f"{label}.duckdns.org", ddns)


def pic_ngo(net: LocalInternet, label: str) -> Account:
    service = net.pic_ngo()
    service.also_global = ["127.0.0.0/8"]
    ddns = {"api_url": service.url, "totp_secret": service.totp_secret}
    return Account(service, net.zone("pic.ngo"), f"{label}.pic.ngo", ddns)


ACCOUNTS: dict[str, Callable[[LocalInternet, str], Account]] = {
    "cloudflare": cloudflare,
    "duckdns": duckdns,
    "pic_ngo": pic_ngo,
}
"""How to get an account at the service of each DNS mode, for the name with this label."""
