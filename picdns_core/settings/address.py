"""What can be set under `picdns.address`."""

from typing import Annotated, Literal

from msgspec import Meta

from picdns_core.settings.base import Settings


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
