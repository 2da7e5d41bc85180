"""Every use of what `acme` keeps private, and the gaps of `acme` 5.9 closed, in one place.

Its ClientNetwork forgets the nonces of error responses, gives up at the second badNonce and at the
first connection that a server has closed meanwhile; its errors drop Retry-After; its polling
sleeps whole seconds; its `new_order` hides the order's URL until each authorization is read; its
orders do not know `replaces` (RFC 9773, section 5); what it reads may be of any length.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import requests
import urllib3
from acme import client, errors, messages
from josepy import json_util, jwa, jwk

from picdns_core.clock import Clock
from picdns_core.http import Session

_NONCE_TRIES = 8
_CONNECTION_TRIES = 3
_LONGEST = 65536


class Order(messages.Order):
    """An order that may be to replace a certificate, as the CA reflects it."""

    replaces: str | None = json_util.field("replaces", omitempty=True)


class _NewOrder(messages.NewOrder):
    replaces: str | None = json_util.field("replaces", omitempty=True)


class Network(client.ClientNetwork):
    """Signs, once it has a key, and sends; for one thread at a time.

    After each answer `retry_after` is what it asked for, in seconds, or None, and
    `clock_offset` how far `clock` is ahead of the server's, in seconds, None until that tells.
    """

    def __init__(self, ca_bundle: str | None, clock: Clock) -> None:
        super().__init__(alg=jwa.ES256, user_agent="picdns", timeout=30)
        self.session.close()
        self.session = Session(ca_bundle, key="picdns.acme.ca_bundle")
        self.verify_ssl = self.session.verify  # type: ignore[assignment] # a path works as well
        self.clock = clock
        self.retry_after: float | None = None
        self.clock_offset: float | None = None

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a signed request; each request of an order may safely be sent twice."""
        bad_nonces = cuts = 0
        while True:
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                bad_nonces += 1
                if error.code != "badNonce" or bad_nonces == _NONCE_TRIES:
                    raise
            except requests.ConnectionError as error:
                cuts += 1
                if isinstance(error, requests.exceptions.SSLError) or cuts == _CONNECTION_TRIES:
                    raise

    def read(self, url: str) -> bytes:
        """Ask without a signature for what is never long; ValueError when it is."""
        headers = {"User-Agent": self.user_agent, "Accept-Encoding": "identity"}
        with self.session.get(
            url, headers=headers, timeout=self._default_timeout, stream=True
        ) as response:
            self._hear(response)
            if not response.ok:
                raise errors.ClientError(response)
            try:
                body = bytes(response.raw.read(_LONGEST + 1, decode_content=False))
            except urllib3.exceptions.HTTPError as error:
                raise requests.ConnectionError(str(error)) from error
        if len(body) > _LONGEST:
            raise ValueError(f"more than {_LONGEST} bytes")
        return body

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = super()._send_request(method, url, *args, **kwargs)
        self._hear(response)
        if not response.ok and self.REPLAY_NONCE_HEADER in response.headers:
            self._add_nonce(response)
        return response

    def _hear(self, response: requests.Response) -> None:
        now, date = self.clock.now(), _date(response.headers.get("Date"))
        self.retry_after = _seconds(response.headers.get("Retry-After"), date or now)
        if date is not None:
            self.clock_offset = (now - date).total_seconds()


class Client(client.ClientV2):
    """The calls of an order, each of them exactly one request."""

    net: Network

    @property
    def key(self) -> jwk.JWKEC:
        """The account's key."""
        key: jwk.JWKEC = self.net.key  # type: ignore[assignment] # ours always has one
        return key

    @property
    def account_url(self) -> str:
        """The URL of the account that is signed in, which CAA records may name."""
        return str(self.net.account.uri) if self.net.account else ""

    @property
    def caa_identities(self) -> tuple[str, ...]:
        """The names by which CAA records allow this CA, as its directory says."""
        return caa_identities(self.directory)

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that the CA offers, as its directory says."""
        return tuple(getattr(self.directory.meta, "profiles", None) or ())

    @property
    def offers_renewal_info(self) -> bool:
        """Whether the CA says when to renew, and knows what `replaces` is (RFC 9773)."""
        return renewal_info_url(self.directory) is not None

    def open_order(
        self, names: Sequence[str], profile: str | None, replaces: str | None
    ) -> messages.OrderResource:
        """Create an order (RFC 8555, section 7.4); its authorizations are not read yet."""
        order = _NewOrder(
            identifiers=[_identifier(name) for name in names],
            profile=profile or "",
            replaces=replaces,
        )
        response = self._post(self.directory["newOrder"], order)
        return _order(response, response.headers["Location"])

    def read_order(self, url: str) -> messages.OrderResource:
        return _order(self._post_as_get(url), url)

    def read_authorization(self, url: str) -> messages.AuthorizationResource:
        return self._authzr_from_response(self._post_as_get(url), uri=url)

    def finalize(self, order: messages.OrderResource, csr_pem: bytes) -> messages.OrderResource:
        """Send the CSR; the answer is the order as it is then."""
        return self.begin_finalization(order.update(csr_pem=csr_pem))

    def download(self, url: str) -> bytes:
        """Fetch a certificate with its chain, in PEM."""
        return self._post_as_get(url).content


def caa_identities(directory: messages.Directory) -> tuple[str, ...]:
    """Return the names by which CAA records allow the CA, as its directory says."""
    return tuple(getattr(directory.meta, "caa_identities", None) or ())


def renewal_info_url(directory: messages.Directory) -> str | None:
    """Return below what renewal information stands, None where the CA has none."""
    return getattr(directory, "renewalInfo", None) or None


def replaced(order: messages.OrderResource) -> str | None:
    """Return what the CA takes the order to replace; it must reflect that (RFC 9773, section 5)."""
    return getattr(order.body, "replaces", None)


def _identifier(name: str) -> messages.Identifier:
    try:
        ip_address(name)
    except ValueError:
        return messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name)
    return messages.Identifier(typ=messages.IDENTIFIER_IP, value=name)


def _order(response: requests.Response, url: str) -> messages.OrderResource:
    return messages.OrderResource(body=Order.from_json(response.json()), uri=url)


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Read Retry-After as seconds or as an HTTP date (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    date = _date(retry_after)
    return None if date is None else max(0.0, (date - now).total_seconds())


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
