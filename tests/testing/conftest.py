"""What the tests of the harness share: a straight-line ACME client and a minimal Caddyfile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from acme import challenges, client, crypto_util, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from picdns_core.testing import LocalInternet, Pebble
from picdns_core.testing.process import wait_until


class Issued(NamedTuple):
    """A certificate with its chain, and its key, in PEM."""

    chain: str
    key: bytes

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.chain.encode())


class Issue(Protocol):
    """Gets a certificate for a name from a CA; tokens are written to the web root."""

    def __call__(self, pebble: Pebble, name: str, *, directory: str = "") -> Issued: ...


@pytest.fixture
def webroot(tmp_path: Path) -> Path:
    """The directory that the web server serves over HTTP."""
    tokens = tmp_path / "webroot" / ".well-known" / "acme-challenge"
    tokens.mkdir(parents=True)
    return tmp_path / "webroot"


@pytest.fixture
def caddyfile(local_internet: LocalInternet, tmp_path: Path, webroot: Path) -> Callable[..., Path]:
    """Write a Caddyfile which serves the web root, and further sites."""

    def write(*sites: str) -> Path:
        file = tmp_path / "Caddyfile"
        file.write_text(
            f"{{\n admin 127.0.0.1:{local_internet.admin_port}\n auto_https off\n}}\n"
            f"http://:{local_internet.http_port} {{\n root * {webroot}\n file_server\n}}\n"
            + "\n".join(sites)
        )
        return file

    return write


@pytest.fixture
def issue(webroot: Path) -> Issue:
    """Get a certificate over HTTP-01."""

    def run(pebble: Pebble, name: str, *, directory: str = "") -> Issued:
        # A path does as well as a flag: it is handed on to requests.
        bundle: Any = str(pebble.ca_bundle)
        account = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        net = client.ClientNetwork(account, alg=ES256, verify_ssl=bundle)
        acme = client.ClientV2(
            client.ClientV2.get_directory(directory or pebble.directory, net), net
        )
        acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        order = acme.new_order(crypto_util.make_csr(key, [name]))
        (authorization,) = order.authorizations
        (challenge,) = (
            offered
            for offered in authorization.body.challenges
            if isinstance(offered.chall, challenges.HTTP01)
        )
        response, validation = challenge.response_and_validation(account)
        (webroot / challenge.chall.path.lstrip("/")).write_text(validation)
        acme.answer_challenge(challenge, response)

        def validated() -> bool:
            polled, _ = acme.poll(authorization)
            assert polled.body.status != messages.STATUS_INVALID, polled.body
            return bool(polled.body.status == messages.STATUS_VALID)

        assert wait_until(validated, 10)
        acme.begin_finalization(order)
        assert wait_until(lambda: bool(_body(acme, order).certificate), 10)
        chain = acme._post_as_get(_body(acme, order).certificate).text
        net.session.close()
        return Issued(chain, key)

    return run


def _body(acme: client.ClientV2, order: messages.OrderResource) -> messages.Order:
    # acme's own poll_finalization sleeps for a second before it looks.
    body: messages.Order = messages.Order.from_json(acme._post_as_get(order.uri).json())
    return body
