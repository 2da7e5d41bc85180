"""What can be set under `picdns.acme`."""

from typing import Annotated, Literal

from msgspec import Meta

from picdns_core.settings.base import Port, Settings

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"

KeyType = Literal["ec256", "ec384", "rsa2048", "rsa3072", "rsa4096"]
DirectoryUrl = Annotated[str, Meta(pattern="^https://")]
Email = Annotated[str, Meta(pattern="^[^@\\s,]+@[^@\\s,]+$", examples=["you@example.org"])]


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
    staging: Annotated[
        DirectoryUrl | None,
        Meta(
            title="Staging directory",
            description="URL of the CA's directory for rehearsals; Let's Encrypt's own when it is "
            "the CA and this is not set.",
            examples=[LETS_ENCRYPT_STAGING],
        ),
    ] = None
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
