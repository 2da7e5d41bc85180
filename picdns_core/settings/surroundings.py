"""What can be set of the servers and services around a cell."""

from typing import Annotated

from msgspec import Meta, field

from picdns_core.settings.base import Port, Settings

GroupId = Annotated[int, Meta(ge=0, le=2**32 - 2)]
DohUrl = Annotated[str, Meta(pattern="^https://")]


class CaddySettings(Settings, frozen=True, kw_only=True):
    caddyfile: Annotated[
        str,
        Meta(title="Caddyfile", description="The file we write; relative to the root."),
    ] = "config/caddy/Caddyfile"
    snippets: Annotated[
        str | None,
        Meta(
            title="Snippets",
            description="For a host that keeps its own Caddyfile: the file that we write instead, "
            "which that Caddyfile imports; relative to the root.",
        ),
    ] = None
    include: Annotated[
        str | None,
        Meta(
            title="Include",
            description="A directory with Caddyfiles of the host's own, `*.caddy` for sites beside "
            "ours and `services/*.caddy` for the site of each service; relative to the root.",
        ),
    ] = None
    admin: Annotated[
        str,
        Meta(
            title="Admin endpoint",
            description="host:port of Caddy's admin API, under which both we and Caddy know it.",
        ),
    ] = "localhost:2019"
    http_port: Annotated[
        Port, Meta(title="HTTP port", description="Where Caddy listens for HTTP.")
    ] = 80
    https_port: Annotated[
        Port, Meta(title="HTTPS port", description="Where Caddy listens for HTTPS.")
    ] = 443
    probe: Annotated[
        str | None,
        Meta(
            title="Probe",
            description="host:port at which we reach Caddy's HTTPS to see which certificate it "
            "serves; 127.0.0.1 and the HTTPS port when not set.",
        ),
    ] = None
    paths: Annotated[
        dict[str, str],
        Meta(
            title="Paths",
            description="Directories as we see them, to the same as Caddy sees them: "
            '{"/host/data": "/data"}.',
        ),
    ] = field(default_factory=dict)


class DnsSettings(Settings, frozen=True, kw_only=True):
    roots: Annotated[
        tuple[str, ...],
        Meta(
            title="Root servers",
            description="IP addresses of the name servers at which each walk through public DNS "
            "begins; the internet's own when empty.",
        ),
    ] = ()
    port: Annotated[
        Port, Meta(title="DNS port", description="Where name servers are asked: 53 everywhere.")
    ] = 53
    doh: Annotated[
        tuple[DohUrl, ...],
        Meta(
            title="DNS over HTTPS",
            description="URLs of resolvers (RFC 8484) to ask where a network intercepts port 53.",
        ),
    ] = ("https://cloudflare-dns.com/dns-query", "https://dns.google/dns-query")


class FileSettings(Settings, frozen=True, kw_only=True):
    group: Annotated[
        str | GroupId | None,
        Meta(
            title="Group",
            description="Group (name or number) that may read certificates and their keys, for a "
            "Caddy that runs as another user.",
        ),
    ] = None


class HttpSettings(Settings, frozen=True, kw_only=True):
    ca_bundle: Annotated[
        str | None,
        Meta(title="CA bundle", description="PEM file that verifies HTTPS services; the system's."),
    ] = None


class MetricsSettings(Settings, frozen=True, kw_only=True):
    listen: Annotated[
        str | None,
        Meta(
            title="Listen",
            description="host:port at which metrics are served over HTTP; not at all when not "
            "set, for hosts that serve prometheus-client's registry themselves.",
            examples=["127.0.0.1:9120"],
        ),
    ] = None


class NotifySettings(Settings, frozen=True, kw_only=True):
    urls: Annotated[
        str,
        Meta(
            title="Apprise URLs",
            description="Where messages go, one URL a line; moved out of the config when it is "
            "read.",
            examples=["mailtos://you:password@example.org"],
        ),
    ] = ""
