"""A service behind the web server."""

from .serving import HttpServer, Reply, Request


class Backend(HttpServer):
    """An upstream that answers every request with its name, to see who was reached."""

    def __init__(self, name: str) -> None:
        """Listen at once; see `address` for where."""
        self.name = name
        super().__init__()

    def respond(self, request: Request) -> Reply:  # noqa: ARG002
        """Answer 200 and the name, without a line end."""
        return Reply(200, (("Content-Type", "text/plain; charset=utf-8"),), self.name.encode())
