"""A cell to test with: a root directory, its config, and the servers around it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from picdns_core import Runner, Step
from picdns_core.status import CertStatus
from picdns_core.testing import Backend, Caddy, LocalInternet, Pebble, Response
from tests.accounts import ACCOUNTS, Account
from tests.doctor import table as faults
from tests.switching import table as switches


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the tables that tests have made rows of."""
    switches.show(terminalreporter)
    faults.show(terminalreporter)


class Cell:
    """One home server on the local internet, and what the tests ask about it."""

    def __init__(self, root: Path, net: LocalInternet, pebble: Pebble | None) -> None:
        self.root = root
        self.net = net
        self.pebble = pebble
        self.caddy: Caddy | None = None
        self.account: Account | None = None
        self.config_file = root / "config/api/cell_config.json"
        self.base = root / "data/api/picdns"
        self.caddyfile = root / "config/caddy/Caddyfile"
        self.steps: list[Step] = []
        self._asked_before = len(pebble.requests()) if pebble else 0

    @property
    def runner(self) -> Runner:
        """A runner that has seen nothing yet, as in a new process."""
        return Runner(self.root, progress=self.steps.append)

    @property
    def internal_root(self) -> str:
        return self.runner.root_certificate().decode()

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self.config_file.read_text())
        return config

    def set(self, **values: Any) -> None:
        """Change keys of the config; `picdns.*` is given as a dict that is merged one level."""
        config = self.config() if self.config_file.exists() else {}
        for section, settings in values.pop("picdns", {}).items():
            config.setdefault("picdns", {}).setdefault(section, {}).update(settings)
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(json.dumps(config | values, indent=2))

    def services(self, names: Sequence[str], upstream: str) -> None:
        self.set(services=[{"name": name, "upstream": upstream} for name in names])

    def asked(self) -> Counter[str]:
        """Count what the CA was asked since this cell began, by endpoint."""
        assert self.pebble
        return Counter(path for _, path in self.pebble.requests()[self._asked_before :])

    def forget_asked(self) -> None:
        assert self.pebble
        self._asked_before = len(self.pebble.requests())

    def certificate(self, name: str) -> CertStatus:
        found = [one for one in self.runner.refresh().certificates if name in one.names]
        assert len(found) == 1
        return found[0]

    def get(self, name: str) -> Response:
        """Ask Caddy for a name, verifying against the root that should have issued for it."""
        assert self.caddy
        public = self.pebble and not name.endswith(".cell")
        root = self.pebble.root() if self.pebble and public else self.internal_root
        return self.caddy.get(name, ca=root)

    def leftovers(self) -> list[str]:
        """Name what should not be there once a run has ended: intents, answers, half files."""
        found = [*self.base.glob("journal/*"), *self.base.glob("webroot/*")]
        hidden = (path for path in self.root.rglob(".*") if path.name != ".ddns_token")
        found += [path for path in hidden if path.is_file() or path.is_symlink()]
        for generation in self.base.glob("certs/*/0*"):
            names = {path.name for path in generation.iterdir()}
            if names != {"fullchain.pem", "privkey.pem", "meta.json"}:
                found.append(generation)
        return [str(path.relative_to(self.root)) for path in found]


class MakeCell(Protocol):
    """Configures a cell; with `caddy` a real one runs and is deployed to.

    In the DNS modes it has an account of its own, for a name that nobody else has.
    """

    def __call__(
        self,
        mode: str = "http01",
        services: Sequence[str] = ("files",),
        *,
        caddy: bool = True,
        pebble: Pebble | None = None,
    ) -> Cell: ...


def _withdraw(account: Account) -> None:
    """Leave the zone, which other tests use as well, as it was before the cell published."""
    label = account.domain.removesuffix(f".{account.zone.name}")
    for name, rdtype in account.zone.records():
        if name == label or name.endswith(f".{label}"):
            account.zone.delete(name, rdtype)


@pytest.fixture(scope="session")
def backend(local_internet: LocalInternet) -> Backend:
    """The one service behind all names."""
    return local_internet.backend("hello")


@pytest.fixture
def make_cell(
    tmp_path: Path, local_internet: LocalInternet, backend: Backend, caddy: Callable[..., Caddy]
) -> Iterator[MakeCell]:
    """Make cells for a test; each has a directory of its own."""
    count = 0

    def make(
        mode: str = "http01",
        services: Sequence[str] = ("files",),
        *,
        caddy: bool = True,
        pebble: Pebble | None = None,
    ) -> Cell:
        nonlocal count
        count += 1
        root = tmp_path / f"cell{count}"
        authority = pebble or local_internet.pebble
        cell = Cell(root, local_internet, None if mode == "lan" else authority)
        cell.set(cell_name="home", domain_mode=mode)
        if mode == "http01":
            cell.set(domain_name="home.test")
        elif mode in ACCOUNTS:
            label = f"cell-{uuid4().hex[:8]}"
            cell.account = ACCOUNTS[mode](local_internet, label)
            accounts.append(cell.account)
            cell.set(cell_name=label, domain_name=cell.account.domain, ddns=cell.account.ddns)
        cell.services(services, backend.address)
        cell.set(picdns=local_internet.settings(authority))
        if caddy:
            cell.caddy = start_caddy(cell.caddyfile)
            ports = {
                "admin": cell.caddy.admin,
                "http_port": cell.caddy.http_port,
                "https_port": cell.caddy.https_port,
            }
            cell.set(picdns={"caddy": ports})
        return cell

    start_caddy = caddy
    accounts: list[Account] = []
    yield make
    for account in accounts:
        account.service.close()
        _withdraw(account)
