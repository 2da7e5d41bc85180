"""A server of ours that can be told to fail."""

import abc

from .certificates import ServerCertificate
from .faults import Fault, Faults, Rule
from .serving import HttpServer, Reply, Request


class FaultyServer(HttpServer):
    """Answers as it should, except where a fault is due."""

    def __init__(self, certificate: ServerCertificate | None = None) -> None:
        """Listen; over TLS when there is a certificate."""
        self.faults = Faults()
        super().__init__(certificate)

    def on(
        self,
        method: str,
        target: str,
        fault: Fault,
        *,
        first: int | None = None,
        nth: int | None = None,
    ) -> Rule:
        """Let a fault happen to requests that match: see `Faults.on`."""
        return self.faults.on(method, target, fault, first=first, nth=nth)

    def respond(self, request: Request) -> Reply:
        """Answer, with the faults that are due."""
        return self.faults.apply(request, self._ask)

    def close(self) -> None:
        """Stop, letting nothing wait any longer; safe twice."""
        self.faults.end()
        super().close()

    @abc.abstractmethod
    def _ask(self, request: Request) -> Reply:
        """Answer as it should; called by many threads."""
