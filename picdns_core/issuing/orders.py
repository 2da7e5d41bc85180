"""Orders: from a request to a chain, resumed where an earlier process stopped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acme import challenges, messages

from picdns_core.errors import ChallengeFailed, OrderRefused, PicdnsError
from picdns_core.hookspecs import Publisher
from picdns_core.issuing.authority import Authority
from picdns_core.issuing.http01 import Http01Responder
from picdns_core.issuing.patience import Patience
from picdns_core.issuing.problems import challenge_failed, order_failed
from picdns_core.issuing.wire import Client
from picdns_core.model import CertRequest, IssuedCert, Progress, Step
from picdns_core.store.journal import Journal, OrderIntent

_LONGEST_TOKEN = 128
_VALIDATION, _ISSUANCE = 180.0, 300.0  # seconds until we give up waiting, and resume later


class Orders:
    """What `issue_cert` gets as `acme`; used by several threads, one request each."""

    def __init__(
        self,
        authority: Authority,
        journal: Journal,
        responder: Http01Responder,
        cancel: threading.Event,
        progress: Progress,
    ) -> None:
        self._authority = authority
        self._journal = journal
        self._responder = responder
        self._cancel = cancel
        self._progress = progress

    def obtain(
        self,
        request: CertRequest,
        challenge: type[Any],
        publisher: Publisher | None = None,  # noqa: ARG002 - for DNS-01
    ) -> IssuedCert:
        """Order a certificate for the request; see `hookspecs.Acme.obtain`."""
        if not issubclass(challenge, challenges.HTTP01):
            raise OrderRefused(f"picdns does not know how to answer {challenge.typ}.")
        try:
            with self._authority.client() as client:
                order = self._resume(client, request) or self._begin(client, request)
                if order.body.status == messages.STATUS_PENDING:
                    self._authorize(client, request, order, challenge)
                return self._finish(client, request, order)
        except (ChallengeFailed, OrderRefused):
            self._note(request.lineage, order_url=None)
            raise

    def _resume(self, client: Client, request: CertRequest) -> messages.OrderResource | None:
        intent = self._intent(request.lineage)
        if intent.order_url is None:
            return None
        self._progress(Step(text="Going on with an order left open", name=request.lineage))
        try:
            order = client.read_order(intent.order_url)
        except messages.Error as error:
            if error.code not in ("malformed", "unauthorized", "accountDoesNotExist", None):
                raise
            return None  # the CA no longer knows it, or never knew this account
        return None if order.body.status == messages.STATUS_INVALID else order

    def _begin(self, client: Client, request: CertRequest) -> messages.OrderResource:
        token = self._intent(request.lineage).probe
        for name in request.names:
            self._responder.self_probe(name, token)
        self._progress(Step(text="Ordering a certificate", name=request.lineage))
        try:
            order = client.open_order(request.names, self._authority.settings.profile)
        except messages.Error as error:
            if error.code != "accountDoesNotExist":
                raise
            self._authority.renew_account(client)
            order = client.open_order(request.names, self._authority.settings.profile)
        self._note(request.lineage, order_url=order.uri)
        return order

    def _authorize(
        self,
        client: Client,
        request: CertRequest,
        order: messages.OrderResource,
        challenge: type[challenges.HTTP01],
    ) -> None:
        """Prove every name that the CA does not yet take as proven."""
        found = [client.read_authorization(url) for url in order.body.authorizations]
        pending = [one for one in found if one.body.status != messages.STATUS_VALID]
        chosen = [_choose(authorization, challenge) for authorization in pending]
        with self._answers(client, request, chosen):
            self._progress(Step(text="Proving the name to the CA", name=request.lineage))
            for authorization, body in zip(pending, chosen, strict=True):
                _answer(client, authorization, body)
            for authorization in pending:
                self._await_validation(client, authorization)

    @contextmanager
    def _answers(
        self, client: Client, request: CertRequest, chosen: list[messages.ChallengeBody]
    ) -> Iterator[None]:
        """Keep the answers in the webroot; journalled first, so that a kill leaves none."""
        tokens = {body.chall.encode("token"): body.chall for body in chosen}
        if any(len(token) > _LONGEST_TOKEN for token in tokens):
            raise ValueError("a token that is longer than any CA's")
        self._note(request.lineage, tokens=tuple(tokens))
        try:
            for token, challenge in tokens.items():
                self._responder.publish(token, challenge.validation(client.net.key))
            yield
        finally:
            for token in tokens:
                self._responder.withdraw(token)

    def _await_validation(
        self, client: Client, authorization: messages.AuthorizationResource
    ) -> None:
        name = authorization.body.identifier.value
        patience = Patience(_VALIDATION, self._cancel, f"verifying {name}")
        retry_after = client.net.retry_after
        while authorization.body.status == messages.STATUS_PENDING:
            patience.wait(retry_after)
            authorization = client.read_authorization(authorization.uri)
            retry_after = client.net.retry_after
        if authorization.body.status != messages.STATUS_VALID:
            raise challenge_failed(name, authorization.body)

    def _finish(
        self, client: Client, request: CertRequest, order: messages.OrderResource
    ) -> IssuedCert:
        """Send the CSR, wait for the certificate, fetch it."""
        patience = Patience(_ISSUANCE, self._cancel, f"issuing for {request.names[0]}")
        url = order.uri
        while order.body.status != messages.STATUS_VALID or order.body.certificate is None:
            if order.body.status == messages.STATUS_INVALID:
                raise order_failed(request.names, order.body.error)
            if order.body.status == messages.STATUS_PROCESSING:
                patience.wait(client.net.retry_after)
                order = client.read_order(url)
                continue
            self._progress(Step(text="Waiting for the certificate", name=request.lineage))
            try:
                order = client.finalize(order, request.csr_pem)
            except messages.Error as error:
                if error.code != "orderNotReady":
                    raise
                patience.wait(client.net.retry_after)
                order = client.read_order(url)
        chain = client.download(order.body.certificate)
        return IssuedCert(fullchain_pem=chain, clock_offset=client.net.clock_offset)

    def _intent(self, lineage: str) -> OrderIntent:
        intent = self._journal.read(lineage)
        if intent is None:
            raise PicdnsError(f"No certificate is due for {lineage}: nothing was ordered.")
        return intent

    def _note(self, lineage: str, **changes: object) -> None:
        self._journal.write(self._intent(lineage).but(**changes))


def _answer(
    client: Client, authorization: messages.AuthorizationResource, body: messages.ChallengeBody
) -> None:
    """Tell the CA to look; a refusal is none if it has looked already."""
    try:
        client.answer_challenge(body, body.chall.response(client.net.key))
    except messages.Error:
        if client.read_authorization(authorization.uri).body.status == messages.STATUS_PENDING:
            raise


def _choose(
    authorization: messages.AuthorizationResource, kind: type[challenges.HTTP01]
) -> messages.ChallengeBody:
    """Pick the challenge by its type, never by its position."""
    if authorization.body.status == messages.STATUS_PENDING:
        for body in authorization.body.challenges:
            if isinstance(body.chall, kind):
                return body
    name = authorization.body.identifier.value
    if authorization.body.status != messages.STATUS_PENDING:
        raise challenge_failed(name, authorization.body)
    raise OrderRefused(
        f"The CA does not offer {kind.typ} for {name}. What is served stays so.",
        hint="Use a domain mode with another challenge.",
    )
