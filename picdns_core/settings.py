"""What can be set under `picdns` in cell_config.json; each field can be drawn as a form field."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

KeyType = Literal["ec256", "ec384", "rsa2048", "rsa3072", "rsa4096"]
Email = Annotated[str, Meta(pattern="^[^@\\s,]+@[^@\\s,]+$", examples=["you@example.org"])]
GroupId = Annotated[int, Meta(ge=0, le=2**32 - 2)]
DohUrl = Annotated[str, Meta(pattern="^https://")]
Port = Annotated[int, Meta(ge=1, le=65535)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of our settings: an unknown key is a typing error, and is said."""


class Eab(Settings, frozen=True, kw_only=True):
    """External account binding (RFC 8555, section 7.3.4), for CAs that demand it."""

    kid: Annotated[str, Meta(title="Key id", description="Given by the CA for your account.")]
    hmac_key: Annotated[
        str,
        Meta(
            title="HMAC key",
            description="Given by the CA, base64url; moved out of the config when it is read.",
        ),
    ] = ""


class AcmeSettings(Settings, frozen=True, kw_only=True):
    directory: Annotated[
        str,
        Meta(
            title="ACME directory",
            description="URL of the CA's directory; Let's Encrypt when not set.",
            pattern="^https://",
            examples=[LETS_ENCRYPT],
        ),
    ] = LETS_ENCRYPT
    ca_bundle: Annotated[
        str | None,
        Meta(
            title="CA bundle",
            description="PEM file that verifies the ACME server itself, for a private CA.",
        ),
    ] = None
    email: Annotated[
        Email | None, Meta(title="E-mail", description="Where the CA may write to.")
    ] = None
    key_type: Annotated[
        KeyType,
        Meta(title="Key type", description="Of certificates' keys; used from the next renewal on."),
    ] = "ec256"
    profile: Annotated[
        str | None,
        Meta(title="Profile", description="An ACME profile that the CA offers, as `shortlived`."),
    ] = None
    eab: Annotated[
        Eab | None,
        Meta(
            title="External account", description="Key id and HMAC key, where the CA asks for it."
        ),
    ] = None
    http_port: Annotated[
        Port,
        Meta(
            title="HTTP-01 port",
            description="The port on which the CA asks for HTTP-01 answers: 80 at every public CA. "
            "Without `picdns.caddy`, picdns itself answers there while an order is open.",
        ),
    ] = 80


class CaddySettings(Settings, frozen=True, kw_only=True):
    caddyfile: Annotated[
        str,
        Meta(title="Caddyfile", description="The file we write; relative to the root."),
    ] = "config/caddy/Caddyfile"
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


class AddressSource(Settings, frozen=True, kw_only=True):
    """A service that tells whoever asks it their public address."""

    operator: Annotated[
        str,
        Meta(
            title="Operator",
            description="Who can decide what it answers; sources of one operator are one voice.",
            min_length=1,
        ),
    ]
    url: Annotated[
        str,
        Meta(
            title="URL",
            description="Where to ask: https://, or a question to a name server (RFC 4501).",
            pattern="^(https|dns)://",
            examples=["dns://208.67.222.222/myip.opendns.com?type=A"],
        ),
    ]
    family: Annotated[
        Literal["ipv4", "ipv6"] | None,
        Meta(
            title="Family",
            description="Which addresses it tells; when not set both, or that of the IP address "
            "in the URL.",
        ),
    ] = None
    form: Annotated[
        Literal["text", "trace"],
        Meta(
            title="Form",
            description="Of an answer over HTTPS: nothing but the address, or lines of which one "
            "is `ip=`, as Cloudflare gives them.",
        ),
    ] = "text"


class AddressSettings(Settings, frozen=True, kw_only=True):
    ipv4: Annotated[
        str,
        Meta(
            title="IPv4",
            description="`auto`: ask the sources; `off`: publish none; or the address itself.",
            examples=["auto", "off", "198.51.100.7"],
        ),
    ] = "auto"
    ipv6: Annotated[
        str,
        Meta(
            title="IPv6",
            description="`auto`: ask the sources; `interface` or `interface:<name>`: the lasting "
            "address of this host's interface; `off`: publish none; or the address itself, as in a "
            "container, which does not see the host's.",
            examples=["auto", "off", "interface", "interface:eth0", "2001:db8::7"],
        ),
    ] = "auto"
    sources: Annotated[
        tuple[AddressSource, ...],
        Meta(
            title="Sources",
            description="Who is asked for the public address, of two operators at least; the "
            "built-in list when empty.",
        ),
    ] = ()
    also_global: Annotated[
        tuple[str, ...],
        Meta(
            title="Also global",
            description="Networks that count as public though they are not, for tests.",
            examples=[["192.0.2.0/24"]],
        ),
    ] = ()


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


class PicdnsSettings(Settings, frozen=True, kw_only=True):
    """Everything under `picdns`."""

    acme: Annotated[
        AcmeSettings, Meta(title="Certificate authority", description="Which CA, and how.")
    ] = AcmeSettings()
    caddy: Annotated[
        CaddySettings | None,
        Meta(title="Caddy", description="The web server to configure; none when not set."),
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
