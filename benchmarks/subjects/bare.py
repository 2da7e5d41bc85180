"""What both floors do with the bare `acme` package: EC keys, polling every few milliseconds.

No look at what comes back, nothing durable, nothing resumed: not to be imitated.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from acme import client, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy import jwa, jwk

_PAUSE, _GROWTH = 0.005, 1.7  # with even pauses, eight threads flood the CA and take longer


def register(directory: str, ca_bundle: str) -> client.ClientV2:
    """Make an account with a new key."""
    key = jwk.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    net = client.ClientNetwork(key, alg=jwa.ES256, verify_ssl=ca_bundle)  # type: ignore[arg-type]
    acme = client.ClientV2(client.ClientV2.get_directory(directory, net), net)
    acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    return acme


def order(acme: client.ClientV2, names: Sequence[str], folder: Path) -> messages.OrderResource:
    """Order a certificate for a new key, which is left in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{names[0]}.key").write_bytes(pem)
    csr = (
        x509.CertificateSigningRequestBuilder(x509.Name([]))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return acme.new_order(csr.public_bytes(Encoding.PEM))


def await_validation(acme: client.ClientV2, proof: messages.AuthorizationResource) -> None:
    """Poll until the CA has looked."""
    pauses = _pauses()
    while proof.body.status == messages.STATUS_PENDING:
        time.sleep(next(pauses))
        proof, _ = acme.poll(proof)


def finish(acme: client.ClientV2, ordered: messages.OrderResource, file: Path) -> None:
    """Finalize, wait, and write the chain to a file."""
    body = acme.begin_finalization(ordered).body
    pauses = _pauses()
    while body.certificate is None:
        time.sleep(next(pauses))
        body = messages.Order.from_json(acme._post_as_get(ordered.uri).json())  # noqa: SLF001
    file.write_bytes(acme._post_as_get(body.certificate).content)  # noqa: SLF001


def _pauses() -> Iterator[float]:
    pause = _PAUSE
    while True:
        yield pause
        pause *= _GROWTH
