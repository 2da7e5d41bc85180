"""certbot and its plugin for Cloudflare, as they come from PyPI, get a certificate."""

import os
import subprocess
import sys
from pathlib import Path

from cryptography import x509

from picdns_core.testing import LocalInternet
from picdns_core.testing.services.cloudflare import Cloudflare


def test_certbot_gets_a_certificate_for_apex_and_wildcard(
    tmp_path: Path, local_internet: LocalInternet, stand_in: Cloudflare
) -> None:
    """Both challenges go through one name of the zone, which holds no TXT afterwards."""
    token = stand_in.token(zones=["cloud.test"])
    credentials = tmp_path / "cloudflare.ini"
    credentials.write_text(f"dns_cloudflare_api_token = {token}\n")
    credentials.chmod(0o600)
    bundle = str(local_internet.authority.bundle)
    command = [
        *(str(Path(sys.executable).with_name("certbot")), "certonly", "--non-interactive"),
        *("--agree-tos", "--register-unsafely-without-email"),
        *("--server", local_internet.pebble.directory),
        *("--dns-cloudflare", "--dns-cloudflare-credentials", str(credentials)),
        *("--dns-cloudflare-propagation-seconds", "0"),
        *("-d", "cloud.test", "-d", "*.cloud.test"),
        *("--config-dir", str(tmp_path / "config"), "--work-dir", str(tmp_path / "work")),
        *("--logs-dir", str(tmp_path / "logs")),
    ]
    trust = {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle}
    environment = {**os.environ, **trust, "CLOUDFLARE_BASE_URL": stand_in.api_url}
    done = subprocess.run(  # noqa: PLW1510
        command, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    leaf = x509.load_pem_x509_certificate(
        (tmp_path / "config/live/cloud.test/fullchain.pem").read_bytes()
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"cloud.test", "*.cloud.test"}
    created = [one for one in stand_in.requests if one.method == "POST"]
    assert len(created) == 2
    assert stand_in.records("cloud.test") == []
    served = local_internet.zone("cloud.test").records()
    assert [name for name, kind in served if kind == "TXT"] == []
