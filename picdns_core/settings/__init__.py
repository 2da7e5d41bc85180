"""What can be set under `picdns` in cell_config.json; each field can be drawn as a form field."""

from typing import Annotated

from msgspec import Meta

from picdns_core.settings.acme import (
    LETS_ENCRYPT,
    LETS_ENCRYPT_STAGING,
    AcmeSettings,
    Eab,
    KeyType,
)
from picdns_core.settings.address import AddressSettings, AddressSource
from picdns_core.settings.base import Settings
from picdns_core.settings.coredns import CoreDnsSettings
from picdns_core.settings.surroundings import (
    CaddySettings,
    DnsSettings,
    FileSettings,
    HttpSettings,
    MetricsSettings,
    NotifySettings,
)

__all__ = [
    "LETS_ENCRYPT",
    "LETS_ENCRYPT_STAGING",
    "AcmeSettings",
    "AddressSettings",
    "AddressSource",
    "CaddySettings",
    "CoreDnsSettings",
    "DnsSettings",
    "Eab",
    "FileSettings",
    "HttpSettings",
    "KeyType",
    "MetricsSettings",
    "NotifySettings",
    "PicdnsSettings",
]


class PicdnsSettings(Settings, frozen=True, kw_only=True):
    """Everything under `picdns`."""

    acme: Annotated[
        AcmeSettings, Meta(title="Certificate authority", description="Which CA, and how.")
    ] = AcmeSettings()
    address: Annotated[
        AddressSettings,
        Meta(title="Public address", description="How the public address is found."),
    ] = AddressSettings()
    caddy: Annotated[
        CaddySettings | None,
        Meta(title="Caddy", description="The web server to configure; none when not set."),
    ] = None
    coredns: Annotated[
        CoreDnsSettings | None,
        Meta(title="CoreDNS", description="The name server inside the VPN; none when not set."),
    ] = None
    dns: Annotated[DnsSettings, Meta(title="DNS", description="How public DNS is asked.")] = (
        DnsSettings()
    )
    files: Annotated[
        FileSettings, Meta(title="Files", description="Who may read what we write.")
    ] = FileSettings()
    http: Annotated[
        HttpSettings, Meta(title="HTTP", description="How services on the internet are asked.")
    ] = HttpSettings()
    metrics: Annotated[
        MetricsSettings | None,
        Meta(title="Metrics", description="For Prometheus (extra `metrics`); none when not set."),
    ] = None
    notify: Annotated[
        NotifySettings | None,
        Meta(title="Messages", description="By Apprise (extra `notify`); none when not set."),
    ] = None
