"""Orders: from a request to a chain, resumed where an earlier process stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acme import challenges, errors, messages

from picdns_core.clock import Clock
from picdns_core.errors import ChallengeFailed, ClockSkewed, ConfigError, OrderRefused
from picdns_core.hookspecs import Publisher
from picdns_core.issuing.authority import Authority
from picdns_core.issuing.budget import Attempt
from picdns_core.issuing.http01 import Http01Responder
from picdns_core.issuing.patience import Patience
from picdns_core.issuing.problems import challenge_failed, not_as_renewal, order_failed
from picdns_core.issuing.solver import Http01Solver, Proof, Solver
from picdns_core.issuing.wire import Client, replaced
from picdns_core.model import CertRequest, IssuedCert, Progress, Step
from picdns_core.store.journal import Journal

if TYPE_CHECKING:
    from picdns_core.lookup import Lookup

_VALIDATION, _ISSUANCE = 180.0, 300.0  # seconds until we give up waiting, and resume later
_TOLERATED = 3600.0  # seconds that the clock may be wrong by
_log = logging.getLogger(__name__)


class Orders:
    """What `issue_cert` gets as `acme`; used by several threads, one request each."""

    def __init__(
        self,
        authority: Authority,
        journal: Journal,
        responder: Http01Responder,
        lookup: Callable[[], Lookup],
        clock: Clock,
        cancel: threading.Event,
        progress: Progress,
    ) -> None:
        self._authority = authority
        self._journal = journal
        self._responder = responder
        self._lookup = lookup
        self._clock = clock
        self._budget = authority.budget(clock)
        self._cancel = cancel
        self._progress = progress

    def obtain(
        self, request: CertRequest, challenge: type[Any], publisher: Publisher | None = None
    ) -> IssuedCert:
        """Order a certificate for the request; see `hookspecs.Acme.obtain`."""
        attempt = self._budget.attempt(request.lineage, request.names)
        try:
            with self._authority.client(self._clock) as client:
                solver = self._solver(client, request, challenge, publisher)
                order = self._resume(client, request, solver) or self._begin(
                    client, request, solver, attempt
                )
                if order.body.status == messages.STATUS_PENDING:
                    self._authorize(client, request, order, solver, attempt)
                attempt.proven(*order.body.authorizations)
                issued = self._finish(client, request, order)
                attempt.issued(issued.fullchain_pem)
                return issued
        except (ChallengeFailed, OrderRefused) as error:
            failure = type(error).__name__
            _log.info(
                "the order for %s comes to nothing: %s",
                request.lineage,
                failure,
                extra={"event": "order_failed", "lineage": request.lineage, "error": failure},
            )
            self._journal.note(request.lineage, order_url=None)
            attempt.gave_up()
            raise

    def _solver(
        self,
        client: Client,
        request: CertRequest,
        challenge: type[Any],
        publisher: Publisher | None,
    ) -> Solver:
        if issubclass(challenge, challenges.HTTP01):
            return Http01Solver(self._responder, self._journal, request.lineage, client.key)
        if not issubclass(challenge, challenges.DNS01):
            raise TypeError(f"picdns does not know how to answer {challenge.typ}")
        if publisher is None:
            raise TypeError("DNS01 needs the publisher")
        from picdns_core.issuing.dns01 import Dns01Solver

        journal = self._journal.txt(request.lineage)
        return Dns01Solver(publisher, self._lookup(), journal, client.key, self._progress)

    def _resume(
        self, client: Client, request: CertRequest, solver: Solver
    ) -> messages.OrderResource | None:
        intent = self._journal.intent(request.lineage)
        if intent.order_url is None:
            return None
        self._progress(Step(text="Going on with an order left open", name=request.lineage))
        try:
            order = client.read_order(intent.order_url)
        except messages.Error as error:
            if error.code not in ("malformed", "unauthorized", "accountDoesNotExist", None):
                raise
            return None  # the CA no longer knows it, or never knew this account
        if order.body.status == messages.STATUS_PENDING:
            self._check_caa(client, request, solver)  # it may be another than when it was made
        return None if order.body.status == messages.STATUS_INVALID else order

    def _begin(
        self, client: Client, request: CertRequest, solver: Solver, attempt: Attempt
    ) -> messages.OrderResource:
        _check_clock(client)
        _check_profile(client, self._authority.settings.profile)
        self._check_caa(client, request, solver)
        solver.rehearse(request.names)
        self._progress(Step(text="Ordering a certificate", name=request.lineage))
        order = self._order(client, request, attempt)
        self._journal.note(request.lineage, order_url=order.uri)
        _log.info(
            "ordered %s",
            request.lineage,
            extra={"event": "order_begun", "lineage": request.lineage, "order": order.uri},
        )
        return order

    def _order(
        self, client: Client, request: CertRequest, attempt: Attempt
    ) -> messages.OrderResource:
        """Send an order, as a renewal where that may be; what the CA will not renew, it may issue.

        Whatever it refuses a renewal for, a certificate is worth more (go-acme/lego#3147).
        """
        if request.replaces and client.offers_renewal_info:
            attempt.order(renews=True)
            try:
                order = self._send_order(client, request, request.replaces)
            except (errors.ConflictError, messages.Error) as error:
                why = not_as_renewal(error)
                if why is None:
                    raise
                text = f"The CA does not take the order as a renewal, so it is a new one: {why}"
                self._progress(Step(text=text, name=request.lineage))
            else:
                if replaced(order) != request.replaces:
                    attempt.exempt_no_more()
                return order
        attempt.order(renews=False)
        return self._send_order(client, request, None)

    def _send_order(
        self, client: Client, request: CertRequest, replaces: str | None
    ) -> messages.OrderResource:
        profile = self._authority.settings.profile
        try:
            return client.open_order(request.names, profile, replaces)
        except messages.Error as error:
            if error.code != "accountDoesNotExist":
                raise
            self._authority.renew_account(client)
            return client.open_order(request.names, profile, replaces)

    def _check_caa(self, client: Client, request: CertRequest, solver: Solver) -> None:
        """Ask before the CA does, which would refuse, and count it."""
        if client.caa_identities:
            from picdns_core.issuing.caa import check_caa

            check_caa(
                self._lookup(),
                request.names,
                client.caa_identities,
                client.account_url,
                solver.challenge.typ,
            )

    def _authorize(
        self,
        client: Client,
        request: CertRequest,
        order: messages.OrderResource,
        solver: Solver,
        attempt: Attempt,
    ) -> None:
        """Prove every name that the CA does not yet take as proven."""
        found = [client.read_authorization(url) for url in order.body.authorizations]
        proofs = [
            Proof(one, _choose(one, solver.challenge))
            for one in found
            if one.body.status != messages.STATUS_VALID
        ]
        for batch in solver.batches(proofs):
            with solver.showing(batch):
                self._progress(Step(text="Proving the name to the CA", name=request.lineage))
                attempt.answer({proof.authorization.uri: proof.name for proof in batch})
                for proof in batch:
                    _answer(client, proof)
                for proof in batch:
                    self._await_validation(client, proof.authorization)
                    attempt.proven(proof.authorization.uri)

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
        return IssuedCert(fullchain_pem=chain, clock_offset=client.net.clock_offset or 0.0)


def _check_clock(client: Client) -> None:
    """Order nothing by a clock that is wrong, as one is that was never set since a start."""
    offset = client.net.clock_offset
    if offset is not None and abs(offset) > _TOLERATED:
        raise ClockSkewed(
            f"This host's clock is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}, so "
            "no certificate was ordered. What is served stays so.",
            offset=offset,
        )


def _check_profile(client: Client, profile: str | None) -> None:
    if profile is None or profile in client.profiles:
        return
    offered = ", ".join(client.profiles)
    raise ConfigError(
        "picdns.acme.profile",
        f"this CA does not offer {profile}, so nothing was ordered. What is served stays so.",
        hint=f"This CA offers: {offered}." if offered else "It offers none: remove the setting.",
    )


def _answer(client: Client, proof: Proof) -> None:
    """Tell the CA to look; a refusal is none if it has looked already."""
    try:
        client.answer_challenge(proof.challenge, proof.response(client.key))
    except messages.Error:
        authorization = client.read_authorization(proof.authorization.uri)
        if authorization.body.status == messages.STATUS_PENDING:
            raise


def _choose(
    authorization: messages.AuthorizationResource, kind: type[Any]
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
