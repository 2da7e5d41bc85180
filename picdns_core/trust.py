"""The internal root in the forms that devices take, with what to paste on each."""

import plistlib
import uuid
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from picdns_core import pem

Form = Literal["pem", "der", "mobileconfig", "fingerprint"]


@lru_cache(maxsize=8)
def fingerprint(root_pem: bytes) -> str:
    """Return the root's SHA-256 fingerprint, as browsers show it."""
    return pem.fingerprint(x509.load_pem_x509_certificate(root_pem))


def render(root_pem: bytes, form: Form) -> bytes:
    """Return the root as a file of that form."""
    root = x509.load_pem_x509_certificate(root_pem)
    if form == "der":
        return root.public_bytes(Encoding.DER)
    if form == "mobileconfig":
        return _mobileconfig(root)
    if form == "fingerprint":
        return f"{pem.fingerprint(root)}\n".encode()
    return root.public_bytes(Encoding.PEM)


def commands(root_pem: bytes) -> dict[str, str]:
    """Return, for each operating system, what to paste there; the root is in it."""
    text = root_pem.decode().strip()
    here = f"<<'EOF'\n{text}\nEOF"
    anchor = "picdns-root"
    return {
        "Debian, Ubuntu": f"sudo tee /usr/local/share/ca-certificates/{anchor}.crt {here}\n"
        "sudo update-ca-certificates",
        "Fedora, RHEL": f"sudo tee /etc/pki/ca-trust/source/anchors/{anchor}.pem {here}\n"
        "sudo update-ca-trust",
        "Arch": f"tee /tmp/{anchor}.crt {here}\nsudo trust anchor /tmp/{anchor}.crt",
        "Alpine": f"sudo tee /usr/local/share/ca-certificates/{anchor}.crt {here}\n"
        "sudo update-ca-certificates",
        "macOS": f"tee /tmp/{anchor}.crt {here}\nsudo security add-trusted-cert -d -r trustRoot "
        f"-k /Library/Keychains/System.keychain /tmp/{anchor}.crt",
        "Windows (PowerShell as administrator)": f"@'\n{text}\n'@ | Set-Content "
        f"$env:TEMP\\{anchor}.crt\nImport-Certificate -FilePath $env:TEMP\\{anchor}.crt "
        "-CertStoreLocation Cert:\\LocalMachine\\Root",
        "iPhone, iPad": "Open the file of `picdns ca --format mobileconfig` on the device, install "
        "the profile, then switch it on in Settings > General > About > Certificate Trust "
        "Settings.",
        "Android": "Copy the file of `picdns ca --format der` to the device and open it in "
        "Settings > Security > Encryption & credentials > Install a certificate > CA certificate.",
        "Firefox": "Settings > Privacy & Security > View Certificates > Authorities > Import, and "
        "choose the file of `picdns ca --format pem`.",
    }


def _mobileconfig(root: x509.Certificate) -> bytes:
    """Return an Apple configuration profile; the same bytes for the same root."""
    der = root.public_bytes(Encoding.DER)
    identity = uuid.uuid5(uuid.NAMESPACE_OID, pem.fingerprint(root))
    name = pem.facts(root).issuer
    certificate = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"picdns.root.{identity}",
        "PayloadUUID": str(identity).upper(),
        "PayloadDisplayName": name,
        "PayloadContent": der,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"picdns.profile.{identity}",
            "PayloadUUID": str(uuid.uuid5(identity, "profile")).upper(),
            "PayloadDisplayName": name,
            "PayloadDescription": "Lets this device trust the services of your home server.",
            "PayloadContent": [certificate],
        }
    )
