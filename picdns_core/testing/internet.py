"""The local internet: a DNS tree, a CA, a resolver and web servers, composed."""

import dataclasses
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .backend import Backend
from .caddy import Caddy
from .certificates import TestAuthority
from .coredns import CoreDns
from .loopback import Loopback
from .pebble import Pebble, PebbleSettings
from .process import Server, ServerFailed
from .proxies import FaultProxy, ForwardProxy
from .standins import C, Closable, StandIns
from .time_machine import TimeMachine
from .tree import DnsTree
from .unbound import Unbound
from .zone import Zone

if TYPE_CHECKING:  # needs Flask, which not every test does
    from .services.echo import Echoes

S = TypeVar("S", bound=Server)

_RESOLVER_HOST = 255


class LocalInternet(StandIns):
    """Real servers on 127.0.0.0/8, started when they are first asked for, gone at the end.

        with LocalInternet() as net:
            net.zone("home.test").set("www", "A", "127.0.0.1")
            caddy = net.caddy(caddyfile=path)
            order_from(net.pebble.directory, verify=net.pebble.ca_bundle)
            caddy.get("www.home.test", ca=net.pebble.root())

    All that a configuration has to name is known before anything runs: `http_port`,
    `https_port`, `admin_port`, `dns_port`. Several may exist side by side, in one process and in
    others, and several threads may use one. What goes wrong at a start raises `ServerMissing` or
    `ServerFailed`.
    """

    def __init__(self) -> None:
        """Claim ports and addresses; nothing is started yet."""
        self.home = Path(tempfile.mkdtemp(prefix="picdns-internet-"))
        """The directory of everything; removed at the end."""
        self.home.chmod(0o711)  # A server that runs as another user must get to its own.
        self._loopback = Loopback()
        self._lock = threading.RLock()
        self._opened: list[Closable] = []
        self._caddy: Caddy | None = None
        self._pebble: Pebble | None = None
        self._authority: TestAuthority | None = None
        self.http_port = self._loopback.port()
        """Where the CA looks for HTTP-01 answers, and where `caddy` listens for HTTP."""
        self.https_port = self._loopback.port()
        """Where the CA looks for TLS-ALPN-01 answers, and where `caddy` listens for HTTPS."""
        self.admin_port = self._loopback.port()
        """Where `caddy` listens for its admin API, on 127.0.0.1."""
        self.dns_port = self._loopback.port()
        """The one port of all DNS servers."""
        network = self._loopback.network()
        self._tree = DnsTree(network, self.dns_port, parent=self.home)
        self._unbound = Unbound(f"{network}.{_RESOLVER_HOST}", self.dns_port, parent=self.home)

    @property
    def authority(self) -> TestAuthority:
        """The CA that signs the HTTPS of the harness's own servers."""
        with self._lock:
            if self._authority is None:
                self._authority = TestAuthority(self.home)
            return self._authority

    @property
    def roots(self) -> tuple[str, ...]:
        """The addresses of the root name servers, to be asked at `dns_port`."""
        return tuple(server.address for server in self.zone(".").servers)

    def settings(
        self, ca: Pebble | TimeMachine | None = None, *, echoes: "Echoes | None" = None
    ) -> dict[str, dict[str, Any]]:
        """Return what a cell's config has under `picdns`, for a cell that lives here.

        `ca` is the one to use, by default `pebble` of this internet. `echoes` are the operators who
        tell the cell its public address; without any it does not look for one.
        """
        ca = ca or self.pebble
        address = echoes.settings() if echoes else {"ipv4": "off", "ipv6": "off"}
        return {
            "acme": {
                "directory": ca.directory,
                "ca_bundle": str(ca.ca_bundle),
                "http_port": self.http_port,
            },
            "address": address,
            "dns": {"roots": list(self.roots), "port": self.dns_port, "doh": []},
            "http": {"ca_bundle": str(self.authority.bundle)},
        }

    def zone(self, name: str = "home.test", *, servers: int = 1) -> Zone:
        """Return a zone; a new one is delegated from the root down, and known to the resolver.

        It begins with an A record and a wildcard A record, both 127.0.0.1. `servers` says how many
        name servers a new one has.
        """
        with self._lock:
            known = self._tree.zones
            zone = self._tree.zone(name, servers=servers)
            for new in self._tree.zones[len(known) :]:
                self._unbound.add_stub(
                    new.origin.to_text(),
                    [f"{server.address}@{server.port}" for server in new.servers],
                )
            return zone

    @property
    def zones(self) -> tuple[Zone, ...]:
        """All zones that run, the root and the top-level domains among them."""
        return self._tree.zones

    @property
    def unbound(self) -> Unbound:
        """The resolver; knows `home.test` and every other zone that was asked for."""
        with self._lock:
            if self._unbound.pid is None:
                self._unbound.launch()
                self.zone()
                self._unbound.wait_ready()
            return self._unbound

    @property
    def pebble(self) -> Pebble:
        """The CA, with default settings; asks the resolver, and this the zones."""
        with self._lock:
            if self._pebble is None:
                self._pebble = self.new_pebble()
            return self._pebble

    def new_pebble(self, **settings: Any) -> Pebble:
        """Start one more CA, with fields of `PebbleSettings`; it ends with the internet at last."""
        with self._lock:
            pebble = Pebble(
                port=self._loopback.port(),
                management_port=self._loopback.port(),
                dns=self._unbound.resolver,
                http_port=self.http_port,
                tls_port=self.https_port,
                authority=self.authority,
                settings=dataclasses.replace(PebbleSettings(), **settings),
                parent=self.home,
            )
            return self._start(pebble, meanwhile=lambda: self.unbound)

    def caddy(
        self,
        caddyfile: Path | None = None,
        *,
        user: str | int | None = None,
        group: str | int | None = None,
    ) -> Caddy:
        """Start Caddy on `http_port` and `https_port`; it ends with the internet at last.

        Only one can run at a time. For the arguments see `Caddy`.

        Raises `ServerFailed` when one runs already, since Linux would let them share the ports.
        """
        with self._lock:
            if self._caddy and self._caddy.pid is not None:
                raise ServerFailed("A Caddy of this internet runs already: close it first.")
            caddy = Caddy(
                caddyfile,
                http_port=self.http_port,
                https_port=self.https_port,
                admin_port=self.admin_port,
                user=user,
                group=group,
                parent=self.home,
            )
            self._caddy = self._start(caddy)
            return caddy

    def coredns(
        self,
        corefile: Path | None = None,
        *,
        address: str = "127.0.0.1",
        port: int | None = None,
        user: str | int | None = None,
        group: str | int | None = None,
    ) -> CoreDns:
        """Start CoreDNS, on a port of its own unless one is given; for the arguments see there."""
        with self._lock:
            coredns = CoreDns(
                corefile,
                address=address,
                port=port or self.port(),
                user=user,
                group=group,
                parent=self.home,
            )
            return self._start(coredns)

    def port(self) -> int:
        """Claim one more port."""
        return self._loopback.port()

    def backend(self, name: str) -> Backend:
        """Start a service that answers with its name."""
        with self._lock:
            return self._keep(Backend(name))

    def fault_proxy(self, url: str, *, keep_host: bool = True) -> FaultProxy:
        """Stand before the server of this URL, over TLS when its own is, signed by `authority`.

        What asks Pebble through it verifies with the bundle of `authority` as well. For
        `keep_host` see `FaultProxy`.
        """
        with self._lock:
            secured = url.startswith("https:")
            proxy = FaultProxy(
                url,
                certificate=self.authority.issue() if secured else None,
                ca_bundle=self.authority.bundle if secured else None,
                keep_host=keep_host,
            )
            return self._keep(proxy)

    def time_machine(self, pebble: Pebble) -> TimeMachine:
        """Stand before a CA, to see it from another time."""
        with self._lock:
            return self._keep(TimeMachine(pebble, self.authority.issue()))

    def forward_proxy(self) -> ForwardProxy:
        """Stand for all names: requests for `http://` URLs are led to the HTTP port."""
        with self._lock:
            return self._keep(ForwardProxy(f"127.0.0.1:{self.http_port}"))

    def start(self) -> Self:
        """Start the CA, the resolver and `home.test` side by side, instead of when asked for."""
        _ = self.pebble
        return self

    def close(self) -> None:
        """Stop everything and remove `home`; safe twice."""
        with self._lock:
            for opened in self._opened:
                if isinstance(opened, Server):
                    opened.ask_to_stop()
            while self._opened:
                self._opened.pop().close()
            self._unbound.close()
            self._tree.close()
            self._loopback.close()
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, opened: C) -> C:
        self._opened.append(opened)
        return opened

    def _start(self, server: S, meanwhile: Callable[[], object] = lambda: None) -> S:
        try:
            server.launch()
            meanwhile()
            return self._keep(server.wait_ready())
        except BaseException:
            server.close()
            raise
