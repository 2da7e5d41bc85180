"""Pebble, Let's Encrypt's small ACME server for tests."""

import dataclasses
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from .certificates import TestAuthority
from .process import Server

NINETY_DAYS = 90 * 24 * 3600

_ASKED = re.compile(r"^Pebble .*? ([A-Z]+) (/\S*) -> calling handler\(\)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PebbleSettings:
    """How Pebble behaves; the defaults make it fast and predictable."""

    nonce_reject: int = 0
    """Percentage of good nonces which are refused as bad."""
    authz_reuse: int = 0
    """Percentage of authorizations for which a valid one is used again, without a challenge."""
    retry_after: tuple[int, int] = (0, 0)
    """Seconds in the Retry-After headers of pending authorizations and of orders; 0: no header."""
    profiles: Mapping[str, int] = dataclasses.field(
        default_factory=lambda: {"default": NINETY_DAYS}
    )
    """Validity in seconds by profile. With several, Pebble picks one at random for an order that
    names none. Version 2.4 knows no profiles, and uses the validity of `default` for all."""
    eab_keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """MAC keys in base64url by key id; with any, an account needs one (RFC 8555, 7.3.4)."""
    alternate_roots: int = 0
    """How many further roots each certificate also has a chain to."""
    blocklist: Sequence[str] = ()
    """Names for which an order is rejected."""
    strict: bool = True
    """Whether what will be forbidden one day is forbidden already."""


class Pebble(Server):
    """An ACME CA that really validates: HTTP-01 and TLS-ALPN-01 on given ports, DNS by a resolver.

    It does not look at CAA records, has no rate limits, and forgets everything when it stops.
    """

    program = "pebble"

    def __init__(
        self,
        *,
        port: int,
        management_port: int,
        dns: str,
        http_port: int,
        tls_port: int,
        authority: TestAuthority,
        settings: PebbleSettings | None = None,
        parent: Path | None = None,
    ) -> None:
        """Prepare a CA at 127.0.0.1:`port`, whose HTTPS is signed by `authority`.

        `dns` is the resolver that it asks, as `address:port`, over TCP. `http_port` and
        `tls_port` are where it looks for answers to challenges, at whatever addresses the names
        have.
        """
        super().__init__(parent)
        self.port = port
        self.management_port = management_port
        self.dns = dns
        self.http_port = http_port
        self.tls_port = tls_port
        self.settings = settings or PebbleSettings()
        self.directory = f"https://127.0.0.1:{port}/dir"
        """The URL of the ACME directory (RFC 8555, 7.1.1)."""
        self.ca_bundle = authority.bundle
        """PEM file that verifies the HTTPS of the CA; *not* what the CA issues, see `root`."""
        self._authority = authority

    def root(self, number: int = 0) -> str:
        """Return the PEM of the root that issued certificates lead to, or of an alternate one.

        Every start makes new roots.
        """
        return self._management(f"/roots/{number}").decode()

    def intermediate(self, number: int = 0) -> str:
        """Return the PEM of an issuing intermediate."""
        return self._management(f"/intermediates/{number}").decode()

    def requests(self) -> list[tuple[str, str]]:
        """Return what the CA was asked since its last start, in order, from its own log.

        Each is a method and a path without what tells one object from another, as in
        `("POST", "/order-plz")` and `("POST", "/chalZ/")`: these are Pebble's names of endpoints.
        What it refused before it looked at it (a wrong method, an unknown path) is not there.
        """
        started = self.log_text().rpartition("Starting Pebble ACME server")[2]
        return _ASKED.findall(started)

    def certificate_status(self, serial: int) -> str | None:
        """Return `Valid` or `Revoked`, or None when it never issued this serial."""
        try:
            status = json.loads(self._management(f"/cert-status-by-serial/{serial:x}"))
        except urllib.error.HTTPError as error:
            error.close()
            return None
        return str(status["Status"])

    def set_renewal_info(self, certificate_pem: str, answer: object) -> None:
        """Fix what renewal info (RFC 9773) says of a certificate, whatever nonsense it is.

        `answer` is sent as JSON, or as it is when it is a string.
        """
        literal = answer if isinstance(answer, str) else json.dumps(answer)
        body = json.dumps({"Certificate": certificate_pem, "ARIResponse": literal}).encode()
        self._management("/set-renewal-info/", body)

    def restart(self, **changes: object) -> None:
        """Start anew at the same URL, without any memory, and with these settings changed.

        `changes` are fields of `PebbleSettings`. Raises as `start` does.
        """
        self.stop()
        self.settings = dataclasses.replace(self.settings, **changes)  # type: ignore[arg-type]
        self.start()

    def command(self) -> list[str]:
        """Write the configuration."""
        certificate = self._authority.issue()
        settings = self.settings
        pebble = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management_port}",
            "certificate": str(certificate.chain),
            "privateKey": str(certificate.key),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "keyAlgorithm": "ecdsa",
            "externalAccountBindingRequired": bool(settings.eab_keys),
            "externalAccountMACKeys": dict(settings.eab_keys),
            "domainBlocklist": list(settings.blocklist),
            "retryAfter": dict(zip(("authz", "order"), settings.retry_after, strict=True)),
            "profiles": {
                name: {"description": f"{name}, {validity} seconds", "validityPeriod": validity}
                for name, validity in settings.profiles.items()
            },
            "certificateValidityPeriod": settings.profiles.get("default", NINETY_DAYS),
        }
        file = self.home / "pebble.json"
        file.write_text(json.dumps({"pebble": pebble}, indent=2))
        strict = ["-strict"] if settings.strict else []
        return ["-config", str(file), "-dnsserver", self.dns, *strict]

    def environment(self) -> Mapping[str, str]:
        """Return the settings that Pebble reads from its environment."""
        return {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": str(self.settings.nonce_reject),
            "PEBBLE_AUTHZREUSE": str(self.settings.authz_reuse),
            "PEBBLE_ALTERNATE_ROOTS": str(self.settings.alternate_roots),
        }

    def ready(self) -> bool:
        """Tell whether both of its interfaces answer."""
        try:
            self._get(self.directory)
            self._management("/roots/0")
        except OSError:
            return False
        return True

    def _management(self, path: str, body: bytes | None = None) -> bytes:
        return self._get(f"https://127.0.0.1:{self.management_port}{path}", body)

    def _get(self, url: str, body: bytes | None = None) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        # A proxy that a test has put into the environment is none of the harness's business.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(url, body, timeout=5) as reply:
            content: bytes = reply.read()
        return content
