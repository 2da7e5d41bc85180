"""What can be set under `picdns.coredns`."""

from typing import Annotated

from msgspec import Meta, field

from picdns_core.settings.base import Port, Settings


class CoreDnsSettings(Settings, frozen=True, kw_only=True):
    vpn_address: Annotated[
        str | tuple[str, ...],
        Meta(
            title="VPN address",
            description="Caddy's address inside the VPN: one IPv4, one IPv6, or a list of both.",
            examples=["10.8.0.1", ["10.8.0.1", "fd00:8::1"]],
        ),
    ]
    vpn_networks: Annotated[
        tuple[str, ...],
        Meta(
            title="VPN networks",
            description="Networks whose clients are inside, by the addresses that CoreDNS sees; "
            "all others are refused.",
            examples=[["10.8.0.0/24", "fd00:8::/64"]],
        ),
    ]
    upstreams: Annotated[
        tuple[str, ...],
        Meta(
            title="Upstreams",
            description="Resolvers for everything else: IP, IP:port, or DNS over TLS with the "
            "server's name, as tls://9.9.9.9%dns.quad9.net.",
            examples=[["tls://9.9.9.9%dns.quad9.net", "tls://149.112.112.112%dns.quad9.net"]],
        ),
    ]
    reload: Annotated[
        str | tuple[str, ...] | None,
        Meta(
            title="Reload",
            description="How CoreDNS is told to read its files again: a command as a list of "
            "words, or docker:<container>, which gets SIGUSR1; none for a host that passes "
            "reload_dns to its Runner.",
            examples=["docker:cell-dns", ["systemctl", "kill", "--signal=USR1", "coredns"]],
        ),
    ] = None
    corefile: Annotated[
        str, Meta(title="Corefile", description="The file we write; relative to the root.")
    ] = "config/coredns/Corefile"
    zones: Annotated[
        str,
        Meta(title="Zones", description="Directory of the zone files we write, likewise."),
    ] = "config/coredns/zones"
    paths: Annotated[
        dict[str, str],
        Meta(
            title="Paths",
            description="Directories as we see them, to the same as CoreDNS sees them: "
            '{"/host/config": "/config"}.',
        ),
    ] = field(default_factory=dict)
    listen: Annotated[
        tuple[str, ...],
        Meta(title="Listen", description="Addresses at which CoreDNS listens; all when empty."),
    ] = ()
    port: Annotated[Port, Meta(title="Port", description="Where CoreDNS listens.")] = 53
    probe: Annotated[
        str | None,
        Meta(
            title="Probe",
            description="host:port at which we reach CoreDNS to see what it answers; 127.0.0.1:53 "
            "when not set.",
        ),
    ] = None
    public_names: Annotated[
        tuple[str, ...],
        Meta(
            title="Public names",
            description="Names below the domain, without it, that exist only on the internet and "
            "are asked for there.",
            examples=[["shop"]],
        ),
    ] = ()
    include: Annotated[
        str | None,
        Meta(
            title="Include",
            description="The host's own server blocks and snippets: a file, or a pattern with one "
            "`*`; relative to the root.",
            examples=["config/coredns/own/*.conf"],
        ),
    ] = None
    snippets: Annotated[
        tuple[str, ...],
        Meta(
            title="Snippets",
            description="Names of snippets, defined in what is included, that each server block "
            "of ours begins with.",
        ),
    ] = ()
