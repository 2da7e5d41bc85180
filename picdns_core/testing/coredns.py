"""CoreDNS, the name server inside the VPN."""

import os
import signal
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from .process import Server


class CoreDns(Server):
    """CoreDNS as a home server runs it: one Corefile, and a signal to read it again.

    It must listen where it is said here; while there is no Corefile, it refuses everything.
    """

    program = "coredns"

    def __init__(
        self,
        corefile: Path | None = None,
        *,
        address: str = "127.0.0.1",
        port: int,
        user: str | int | None = None,
        group: str | int | None = None,
        parent: Path | None = None,
    ) -> None:
        """Prepare a server; `user` and `group`, for which one must be root, are whom it runs as.

        Without a `corefile`, one in the server's own directory is meant.
        """
        super().__init__(parent, user=user, group=group)
        self.corefile = corefile or self.home / "Corefile"
        self.address = address
        self.port = port

    @property
    def probe(self) -> str:
        """Where it is asked, as in `127.0.0.1:5300`."""
        return f"{self.address}:{self.port}"

    def command(self) -> list[str]:
        """Take the Corefile, or write one that refuses everything."""
        if not self.corefile.exists():
            self.corefile.parent.mkdir(parents=True, exist_ok=True)
            self.corefile.write_text(
                f".:{self.port} {{\n\tbind {self.address}\n\tacl {{\n\t\tblock\n\t}}\n}}\n"
            )
        return ["-conf", str(self.corefile)]

    def ready(self) -> bool:
        """Tell whether it answers, whatever that is."""
        query = dns.message.make_query(".", "SOA")
        try:
            dns.query.tcp(query, self.address, timeout=1, port=self.port)
        except (OSError, EOFError, dns.exception.DNSException):
            return False
        return True

    def reload(self) -> None:
        """Tell it to read its files again; ProcessLookupError when it does not run."""
        if self.pid is None:
            raise ProcessLookupError("CoreDNS does not run")
        os.kill(self.pid, signal.SIGUSR1)
