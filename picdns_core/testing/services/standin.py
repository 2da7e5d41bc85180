"""The base of stand-ins: a WSGI application behind TLS, which can be told to fail."""

import io
from collections.abc import Iterable
from email.utils import formatdate
from typing import TYPE_CHECKING

from werkzeug.test import EnvironBuilder, run_wsgi_app

from picdns_core.testing.certificates import ServerCertificate
from picdns_core.testing.faulty import FaultyServer
from picdns_core.testing.serving import Reply, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class StandIn(FaultyServer):
    """Answers as a service on the internet does, errors and quirks included."""

    def __init__(self, application: "WSGIApplication", certificate: ServerCertificate) -> None:
        """Listen, and answer with the application."""
        self._application = application
        super().__init__(certificate)

    def _ask(self, request: Request) -> Reply:
        path, _, query = request.target.partition("?")
        builder = EnvironBuilder(
            path=path,
            query_string=query,
            base_url=self.url,
            method=request.method,
            headers=list(request.headers),
            input_stream=io.BytesIO(request.body),
        )
        body: Iterable[bytes]
        body, status, headers = run_wsgi_app(self._application, builder.get_environ())
        reply = Reply(int(status.split()[0]), tuple(headers), b"".join(body))
        if any(name == "Date" for name, _ in headers):  # by a clock of its own
            return reply
        return reply.with_headers({"Date": formatdate(usegmt=True)})
