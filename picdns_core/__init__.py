"""picdns gives a self-hosted home server a public name and a trusted certificate.

What is exported here is the public API. Each name is loaded when it is first used: a host starts
no slower for having picdns.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picdns_core.adoption import Adopted, Adoption
    from picdns_core.config import ConfigSource
    from picdns_core.errors import (
        AddressDisputed,
        AddressUnusable,
        AuthenticationFailed,
        Busy,
        CaddyDown,
        Cancelled,
        CertificateRejected,
        ChallengeFailed,
        ClockSkewed,
        ConfigError,
        CoreDnsDown,
        DamagedState,
        DeployFailed,
        ForeignName,
        LeadsElsewhere,
        NameTaken,
        OrderRefused,
        PicdnsError,
        PluginError,
        PropagationTimeout,
        ProviderError,
        ProviderUnavailable,
        RateLimited,
        StoreError,
    )
    from picdns_core.events import (
        CertFailed,
        CertIssued,
        Event,
        IpChanged,
        ModeChanged,
        Registered,
        Ticked,
    )
    from picdns_core.heartbeat import Heartbeat, Tick
    from picdns_core.hookspecs import Acme, Publisher, Secrets, Signer, hookimpl
    from picdns_core.installed import installed_modes
    from picdns_core.model import (
        Addresses,
        Cell,
        CertFiles,
        CertRequest,
        DomainMode,
        Failure,
        Finding,
        Held,
        IssuedCert,
        NoSettings,
        Problem,
        Publication,
        Registration,
        Report,
        SecretField,
        Service,
        Step,
        TxtRecord,
    )
    from picdns_core.plugins import load_mode
    from picdns_core.runner import Runner
    from picdns_core.secret import Secret
    from picdns_core.services import Decision, ServicesChanged
    from picdns_core.setup import init
    from picdns_core.store import FileStore, Store
    from picdns_core.switching import Plan, Switched

__all__ = [
    "Acme",
    "AddressDisputed",
    "AddressUnusable",
    "Addresses",
    "Adopted",
    "Adoption",
    "AuthenticationFailed",
    "Busy",
    "CaddyDown",
    "Cancelled",
    "Cell",
    "CertFailed",
    "CertFiles",
    "CertIssued",
    "CertRequest",
    "CertificateRejected",
    "ChallengeFailed",
    "ClockSkewed",
    "ConfigError",
    "ConfigSource",
    "CoreDnsDown",
    "DamagedState",
    "Decision",
    "DeployFailed",
    "DomainMode",
    "Event",
    "Failure",
    "FileStore",
    "Finding",
    "ForeignName",
    "Heartbeat",
    "Held",
    "IpChanged",
    "IssuedCert",
    "LeadsElsewhere",
    "ModeChanged",
    "NameTaken",
    "NoSettings",
    "OrderRefused",
    "PicdnsError",
    "Plan",
    "PluginError",
    "Problem",
    "PropagationTimeout",
    "ProviderError",
    "ProviderUnavailable",
    "Publication",
    "Publisher",
    "RateLimited",
    "Registered",
    "Registration",
    "Report",
    "Runner",
    "Secret",
    "SecretField",
    "Secrets",
    "Service",
    "ServicesChanged",
    "Signer",
    "Step",
    "Store",
    "StoreError",
    "Switched",
    "Tick",
    "Ticked",
    "TxtRecord",
    "hookimpl",
    "init",
    "installed_modes",
    "load_mode",
]

# Lightest first: a name is taken from the first room that has it, which is where it is made.
_ROOMS = (
    "secret",
    "errors",
    "model",
    "events",
    "hookspecs",
    "config",
    "store",
    "installed",
    "plugins",
    "services",
    "switching",
    "runner",
    "heartbeat",
    "setup",
    "adoption",
)

if not TYPE_CHECKING:  # a type checker would take any name as there

    def __getattr__(name: str) -> object:
        if name in __all__:
            for room in _ROOMS:
                found = vars(import_module(f"{__name__}.{room}"))
                if name in found:
                    globals()[name] = found[name]
                    return found[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
