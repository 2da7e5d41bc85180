"""A cell that can move: an account wherever a mode needs one, and a client that looks on."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self
from uuid import uuid4

import pytest
from cryptography import x509

from picdns_core.http import Session
from picdns_core.testing import LocalInternet, Pebble
from picdns_core.testing.services.pic_ngo import PicNgo
from tests.accounts import ACCOUNTS, Account
from tests.conftest import Cell, MakeCell

MODES = ("pic_ngo", "cloudflare", "duckdns", "http01", "lan")


class Mover:
    """A cell with what each mode wants to be given."""

    def __init__(self, cell: Cell, net: LocalInternet, label: str) -> None:
        self.cell = cell
        self.net = net
        self.label = label
        self.pebble: Pebble = net.pebble
        self.accounts: dict[str, Account] = {}
        self._imported: set[str] = set()
        cell.pebble = None

    def account(self, mode: str) -> Account:
        if mode not in self.accounts:
            self.accounts[mode] = ACCOUNTS[mode](self.net, self.label)
        return self.accounts[mode]

    def domain(self, mode: str) -> str:
        if mode in ACCOUNTS:
            return self.account(mode).domain
        return "home.cell" if mode == "lan" else f"{self.label}-http.home.test"

    def wish(self, mode: str) -> dict[str, Any]:
        """Return what `switch` is to be given."""
        ddns = self.account(mode).ddns if mode in ACCOUNTS else {}
        return {"domain_name": self.domain(mode), **ddns}

    def begin(self, mode: str) -> None:
        """Bring the cell up in a mode."""
        wish = self.wish(mode)
        self.cell.set(cell_name=self.label, domain_mode=mode, domain_name=wish.pop("domain_name"))
        self.cell.set(ddns=wish)
        report = self.cell.runner.up()
        assert report.failed == ()

    @property
    def now(self) -> tuple[str, str]:
        """Mode and domain that are in force."""
        mode = json.loads((self.cell.base / "cell.json").read_text())["mode"]
        claim = json.loads((self.cell.base / f"registrations/{mode}.json").read_text())
        return mode, claim["cell"]["domain"]

    @property
    def roots(self) -> str:
        """Whatever a device of this house may trust: the CA's root, and the cell's own."""
        for place in ("switch/secrets/ca/root.pem", "secrets/ca/root.pem"):
            with suppress(FileNotFoundError):
                self._imported.add((self.cell.base / place).read_text())
        return "".join([self.pebble.root(), *self._imported])

    def issuer(self, name: str) -> str:
        """Ask for a name, and return who issued what is served: `public` or `own`."""
        assert self.cell.caddy
        answer = self.cell.caddy.get(name, ca=self.roots)
        assert (answer.status, answer.body) == (200, "hello")
        return "public" if "Pebble" in answer.issuer else "own"

    def shake_hands(self, name: str) -> str:
        """Connect with a name, as `issuer` does, and ask for nothing.

        A request that comes in just as Caddy reloads may be cut (decision 0010): clients send it
        again, and it says nothing of certificates.
        """
        assert self.cell.caddy
        context = ssl.create_default_context(cadata=self.roots)
        address = ("127.0.0.1", self.cell.caddy.https_port)
        with (
            socket.create_connection(address, timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=name) as secured,
        ):
            leaf = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        return "public" if "Pebble" in leaf.issuer.rfc4514_string() else "own"

    def state(self) -> dict[str, Any]:
        """Return all that a switch which fails must leave as it was."""
        kept = ("registrations", "secrets", "certs", "switch", "journal", "deploy")
        paths = [path for top in kept for path in (self.cell.base / top).rglob("*")]
        paths += [self.cell.config_file, self.cell.caddyfile, self.cell.base / "cell.json"]
        paths.append(self.cell.root / "data/api/.ddns_token")
        found: dict[str, Any] = {}
        for path in paths:
            if path.is_symlink():
                found[str(path)] = path.readlink()
            elif path.is_file():
                found[str(path)] = path.read_bytes()
        return found | self.records()

    def records(self) -> dict[str, Any]:
        """Return what is in all zones of its accounts, but for their serials."""
        return {
            f"{mode} {name} {rdtype}": values
            for mode, account in self.accounts.items()
            for (name, rdtype), values in account.zone.records().items()
            if rdtype != "SOA" and self.label in name and values != {""}
        }

    def is_free(self, name: str) -> bool:
        """Ask ddns.pic.ngo whether it would give a name to another cell."""
        service = self.account("pic_ngo").service
        assert isinstance(service, PicNgo)
        with Session(str(self.net.authority.bundle)) as http:
            return bool(http.get(f"{service.url}/v1/names/{name}").json()["available"])

    def let_another_order_pass(self) -> None:
        """Forget what was asked of the CA and which codes were used, as if a week had passed."""
        for counted in self.cell.base.glob("accounts/*/budget.json"):
            counted.unlink()
        for account in self.accounts.values():
            if isinstance(account.service, PicNgo):
                account.service.forget_codes()


class Client:
    """Asks for the names in force all the time; keeps who issued, and what failed.

    As browsers do, it connects again after a reset: a Caddy that changes its config does that to
    connections which it has not yet accepted (docs/decisions/0010).
    """

    def __init__(self, mover: Mover) -> None:
        self._mover = mover
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seen: list[str] = []
        self.asked = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.is_set():
            before = self._mover.now, self._mover.roots
            try:
                issuer = self._shake_hands(f"files.{before[0][1]}")
                self._shake_hands("files.cell")
            except OSError as error:
                if (self._mover.now, self._mover.roots) == before:
                    self.failed.append(f"{before[0]}: {error}")
            else:
                self.asked += 1
                if self.seen[-1:] != [issuer]:
                    self.seen.append(issuer)

    def _shake_hands(self, name: str) -> str:
        for _ in range(3):  # a change takes longer than one handshake does here
            with suppress(ConnectionResetError):
                return self._mover.shake_hands(name)
        return self._mover.shake_hands(name)


MakeMover = Callable[[str], Mover]


@pytest.fixture
def make_mover(make_cell: MakeCell, local_internet: LocalInternet) -> Iterator[MakeMover]:
    """Bring cells up in a mode, each with accounts of its own."""
    movers: list[Mover] = []

    def make(mode: str) -> Mover:
        mover = Mover(make_cell("lan"), local_internet, f"cell-{uuid4().hex[:8]}")
        movers.append(mover)
        mover.begin(mode)
        return mover

    yield make
    for mover in movers:
        for account in mover.accounts.values():
            account.service.close()
            for name, rdtype in account.zone.records():
                if mover.label in name:
                    account.zone.delete(name, rdtype)
