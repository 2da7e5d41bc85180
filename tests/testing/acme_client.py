"""A client of an ACME CA in small steps, made of the bare `acme` package."""

from pathlib import Path
from typing import Any, NamedTuple

import requests
from acme import challenges, client, crypto_util, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.json_util import field
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from picdns_core.testing.process import wait_until


class _NewOrder(messages.NewOrder):
    replaces: str = field("replaces", omitempty=True)


class Downloaded(NamedTuple):
    """A chain in PEM, and where it was found."""

    chain: str
    url: str

    @property
    def certificates(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.chain.encode())

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]


class AcmeClient:
    """One account, whose answers to HTTP-01 go into a web root."""

    def __init__(self, directory: str, bundle: Path, webroot: Path) -> None:
        self._webroot = webroot
        self._key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        verify: Any = str(bundle)
        self.net = client.ClientNetwork(self._key, alg=ES256, verify_ssl=verify)
        self.replies: list[requests.Response] = []
        """All that the CA answered."""
        self.net.session.hooks["response"].append(lambda reply, **_: self.replies.append(reply))
        self.acme = client.ClientV2(client.ClientV2.get_directory(directory, self.net), self.net)
        self.acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))

    def order(self, *names: str, replaces: str | None = None) -> messages.Order:
        """Make an order."""
        identifiers = [
            messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names
        ]
        made = _NewOrder(identifiers=identifiers, replaces=replaces)
        reply = self.acme._post(self.acme.directory["newOrder"], made)
        order: messages.Order = messages.Order.from_json(reply.json())
        self._url = reply.headers["Location"]
        return order

    def validate(self, order: messages.Order, *, answered: bool = True) -> None:
        """Let all authorizations be tried, with or without an answer where the CA looks."""
        for url in order.authorizations:
            self._validate(url, answered=answered)

    def download(self, order: messages.Order, *names: str) -> Downloaded:
        """Finalize an order that was just made and validated, and fetch what is issued."""
        url = self._url
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        csr = x509.load_pem_x509_csr(crypto_util.make_csr(key, list(names)))
        self.acme._post(order.finalize, messages.CertificateRequest(csr=csr))
        found: list[str] = []

        def issued() -> bool:
            found[:] = filter(None, [self.post_as_get(url).json().get("certificate")])
            return bool(found)

        assert wait_until(issued, 10)
        return Downloaded(self.post_as_get(found[0]).text, found[0])

    def issue(self, *names: str, replaces: str | None = None) -> Downloaded:
        """Do all of it."""
        order = self.order(*names, replaces=replaces)
        self.validate(order)
        return self.download(order, *names)

    def fail(self, name: str) -> None:
        """Let a validation fail."""
        self.validate(self.order(name), answered=False)

    def post_as_get(self, url: str) -> requests.Response:
        reply: requests.Response = self.acme._post_as_get(url)
        return reply

    def _validate(self, url: str, *, answered: bool) -> None:
        body = messages.Authorization.from_json(self.post_as_get(url).json())
        if answered and body.status == messages.STATUS_VALID:
            return  # a CA may use one again that was proven before (RFC 8555, 7.4.1)
        (challenge,) = (
            offered for offered in body.challenges if isinstance(offered.chall, challenges.HTTP01)
        )
        response, validation = challenge.response_and_validation(self._key)
        if answered:
            (self._webroot / challenge.chall.path.lstrip("/")).write_text(validation)
        self.acme.answer_challenge(challenge, response)
        want = "valid" if answered else "invalid"
        assert wait_until(lambda: self.post_as_get(url).json()["status"] == want, 10)
