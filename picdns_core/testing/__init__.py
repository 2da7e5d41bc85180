"""The local internet: real servers on 127.0.0.0/8 to test domains and certificates against.

Needs the extra `testing`, and the programs of the servers: see `picdns_core.testing.programs`.
Nothing is imported before it is used, since pytest loads the plugin of this package in every run.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .backend import Backend
    from .caddy import Caddy, Response
    from .certificates import ServerCertificate, TestAuthority
    from .coredns import CoreDns
    from .faults import Answer, Cut, Delay, Fault, Faults, Hold, Rewrite, Rule
    from .internet import LocalInternet
    from .knot import Knot, TransactionKey
    from .limits import LetsEncryptLimits
    from .loopback import Loopback
    from .pebble import Pebble, PebbleSettings
    from .process import Server, ServerFailed
    from .programs import ServerMissing
    from .provider_contract.service import Service
    from .provider_contract.suite import ProviderContract
    from .proxies import FaultProxy, ForwardProxy
    from .services.cloudflare import Cloudflare
    from .services.duckdns import DuckDns
    from .services.echo import Echo, Echoes
    from .services.pic_ngo import PicNgo
    from .services.standin import StandIn
    from .serving import HttpServer, Reply, Request
    from .time_machine import TimeMachine
    from .tree import DnsTree
    from .unbound import Unbound
    from .zone import Zone, ZoneRefused

__all__ = [
    "Answer",
    "Backend",
    "Caddy",
    "Cloudflare",
    "CoreDns",
    "Cut",
    "Delay",
    "DnsTree",
    "DuckDns",
    "Echo",
    "Echoes",
    "Fault",
    "FaultProxy",
    "Faults",
    "ForwardProxy",
    "Hold",
    "HttpServer",
    "Knot",
    "LetsEncryptLimits",
    "LocalInternet",
    "Loopback",
    "Pebble",
    "PebbleSettings",
    "PicNgo",
    "ProviderContract",
    "Reply",
    "Request",
    "Response",
    "Rewrite",
    "Rule",
    "Server",
    "ServerCertificate",
    "ServerFailed",
    "ServerMissing",
    "Service",
    "StandIn",
    "TestAuthority",
    "TimeMachine",
    "TransactionKey",
    "Unbound",
    "Zone",
    "ZoneRefused",
]

_HOMES = {
    "Answer": "faults",
    "Backend": "backend",
    "Caddy": "caddy",
    "Cloudflare": "services.cloudflare",
    "CoreDns": "coredns",
    "Cut": "faults",
    "Delay": "faults",
    "DnsTree": "tree",
    "DuckDns": "services.duckdns",
    "Echo": "services.echo",
    "Echoes": "services.echo",
    "Fault": "faults",
    "FaultProxy": "proxies",
    "Faults": "faults",
    "ForwardProxy": "proxies",
    "Hold": "faults",
    "HttpServer": "serving",
    "Knot": "knot",
    "LetsEncryptLimits": "limits",
    "LocalInternet": "internet",
    "Loopback": "loopback",
    "Pebble": "pebble",
    "PebbleSettings": "pebble",
    "PicNgo": "services.pic_ngo",
    "ProviderContract": "provider_contract.suite",
    "Reply": "serving",
    "Request": "serving",
    "Response": "caddy",
    "Rewrite": "faults",
    "Rule": "faults",
    "Server": "process",
    "ServerCertificate": "certificates",
    "ServerFailed": "process",
    "ServerMissing": "programs",
    "Service": "provider_contract.service",
    "StandIn": "services.standin",
    "TestAuthority": "certificates",
    "TimeMachine": "time_machine",
    "TransactionKey": "knot",
    "Unbound": "unbound",
    "Zone": "zone",
    "ZoneRefused": "zone",
}


if not TYPE_CHECKING:  # a type checker would take any name as there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
