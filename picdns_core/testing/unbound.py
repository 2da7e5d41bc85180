"""Unbound, the resolver that the local CA asks."""

import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from .process import Server, ServerFailed

_CONFIGURATION = """
server:
  directory: "{home}"
  chroot: ""
  username: ""
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  interface: {address}@{port}
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  {special_use}
  # Tests change records and ask again at once, so no answer is remembered; who is dead is, for
  # long enough to turn to another server, and not for long after it came back.
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  infra-host-ttl: 2
  # Twice this is more than 400 ms above it, which is as much as a server may be slower than
  # others and still be chosen: so nobody tries a dead server twice.
  unknown-server-time-limit: 450
  infra-cache-max-rtt: 1000
  infra-keep-probing: yes
remote-control:
  control-enable: yes
  control-interface: "{home}/control"
{stubs}
"""

# Unbound answers for these itself unless it is told that somebody else does.
_SPECIAL_USE = ("test.", "invalid.", "home.arpa.")


class Unbound(Server):
    """A recursive resolver over UDP and TCP, without DNSSEC and without a memory.

    It finds the zones of the local tree by stubs, since glue records carry no port.
    """

    program = "unbound"

    def __init__(self, address: str, port: int, *, parent: Path | None = None) -> None:
        """Prepare a resolver that will listen on this address and port."""
        super().__init__(parent)
        self.address = address
        self.port = port
        self._stubs: dict[str, list[str]] = {}

    @property
    def resolver(self) -> str:
        """Where it listens, as in `127.44.7.53:5300`."""
        return f"{self.address}:{self.port}"

    def add_stub(self, zone: str, servers: Iterable[str]) -> None:
        """Ask these servers, given as `address@port`, for names below `zone`; takes effect at once.

        Raises `ServerFailed` when the running resolver refuses.
        """
        self._stubs[zone] = list(servers)
        if self.pid is not None:
            self.wait_ready()
            self._control(f"stub_add {zone} {' '.join(self._stubs[zone])}")

    def executable(self) -> Path:
        """Return a copy of the program."""
        # Debian's AppArmor profile is for the path of the original, and would keep it from `home`.
        return Path(shutil.copy(super().executable(), self.home / "unbound"))

    def command(self) -> list[str]:
        """Write the configuration."""
        stubs = "\n".join(
            f'stub-zone:\n  name: "{zone}"\n' + "\n".join(f"  stub-addr: {at}" for at in servers)
            for zone, servers in self._stubs.items()
        )
        file = self.home / "unbound.conf"
        file.write_text(
            _CONFIGURATION.format(
                home=self.home,
                address=self.address,
                port=self.port,
                special_use="\n  ".join(f'local-zone: "{n}" nodefault' for n in _SPECIAL_USE),
                stubs=stubs,
            )
        )
        return ["-d", "-c", str(file)]

    def ready(self) -> bool:
        """Tell whether it answers for a name that it knows without asking anybody."""
        query = dns.message.make_query("localhost.", "A")
        try:
            reply = dns.query.tcp(query, self.address, timeout=1, port=self.port)
        except (OSError, EOFError, dns.exception.DNSException):
            return False
        return reply.rcode() == dns.rcode.NOERROR

    def _control(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.home / "control"))
            connection.sendall(f"UBCT1 {command}\n".encode())
            answer = connection.makefile().read().strip()
        if answer != "ok":
            raise ServerFailed(f"unbound answered {answer!r} to {command!r}.")
