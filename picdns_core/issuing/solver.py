"""How a name is proven to the CA: what every kind of challenge has in common, and HTTP-01."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

from acme import challenges, messages
from josepy import jwk

from picdns_core.issuing.http01 import Http01Responder
from picdns_core.store.journal import Journal

_LONGEST_TOKEN = 128


class Proof(NamedTuple):
    """An authorization that is pending, and the challenge by which it is to be had."""

    authorization: messages.AuthorizationResource
    challenge: messages.ChallengeBody

    @property
    def name(self) -> str:
        """The DNS name, of a wildcard the name below the asterisk."""
        return str(self.authorization.body.identifier.value)

    def response(self, key: jwk.JWKEC) -> Any:
        """Return what tells the CA to look."""
        return self.challenge.chall.response(key)

    def validation(self, key: jwk.JWKEC) -> str:
        """Return what the CA will look for."""
        return str(self.challenge.chall.validation(key))


class Solver(Protocol):
    """Shows the CA what it looks for, for one order.

    `challenge` is the class of `acme.challenges` that it answers.
    """

    @property
    def challenge(self) -> type[Any]: ...

    def rehearse(self, names: Iterable[str]) -> None:
        """Look for what would let the order fail, before it is made."""

    def batches(self, proofs: Sequence[Proof]) -> Iterable[Sequence[Proof]]:
        """Part the proofs into those that can be shown at the same time."""

    def showing(self, proofs: Sequence[Proof]) -> AbstractContextManager[None]:
        """Show them; afterwards, and after a kill, nothing of it is left."""


class Http01Solver:
    """Answers in the webroot; journalled first, so that a kill leaves none."""

    challenge = challenges.HTTP01

    def __init__(
        self, responder: Http01Responder, journal: Journal, lineage: str, key: jwk.JWKEC
    ) -> None:
        self._responder = responder
        self._journal = journal
        self._lineage = lineage
        self._key = key

    def rehearse(self, names: Iterable[str]) -> None:
        probe = self._journal.intent(self._lineage).probe
        for name in names:
            self._responder.self_probe(name, probe)

    def batches(self, proofs: Sequence[Proof]) -> Iterable[Sequence[Proof]]:
        return [proofs]

    @contextmanager
    def showing(self, proofs: Sequence[Proof]) -> Iterator[None]:
        answers = {
            proof.challenge.chall.encode("token"): proof.validation(self._key) for proof in proofs
        }
        if any(len(token) > _LONGEST_TOKEN for token in answers):
            raise ValueError("a token that is longer than any CA's")
        self._journal.note(self._lineage, tokens=tuple(answers))
        try:
            for token, key_authorization in answers.items():
                self._responder.publish(token, key_authorization)
            yield
        finally:
            for token in answers:
                self._responder.withdraw(token)
