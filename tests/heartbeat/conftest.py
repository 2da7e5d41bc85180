"""A cell looked after for years: from one due moment to the next, before a CA that counts."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from picdns_core import Report, Runner
from picdns_core.events import Ticked
from picdns_core.heartbeat import Heartbeat
from picdns_core.model import Failure
from picdns_core.testing import (
    Fault,
    LetsEncryptLimits,
    LocalInternet,
    Pebble,
    Reply,
    Request,
    Rewrite,
    TimeMachine,
)
from tests.conftest import Cell, MakeCell

MINUTES, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
PROFILES = {"classic": 90 * DAY, "tlsserver": 45 * DAY, "shortlived": 6 * DAY}


class Current(NamedTuple):
    """What lay at `current` of a lineage after a tick."""

    at: datetime
    serial: int
    not_before: datetime
    not_after: datetime


class Tried(NamedTuple):
    """A tick that asked the CA for a certificate, and how many names it could not verify."""

    at: datetime
    orders: int
    failures: int


class Life:
    """One cell whose clock a test sets; what there was at each moment is kept."""

    def __init__(self, cell: Cell, machine: TimeMachine | None) -> None:
        self.cell = cell
        self.machine = machine
        self.limits = LetsEncryptLimits(lambda: self.now)
        self.now = datetime.now(UTC)
        self.problems: list[tuple[Failure, ...]] = []
        self.recovered: list[Failure] = []
        self.current: dict[str, list[Current]] = {}
        self.tried: list[Tried] = []
        self.chosen: dict[int, set[str]] = {}
        """When it was planned to renew, by serial number."""
        self.runner = Runner(cell.root)
        self.heartbeat = Heartbeat(self.runner)
        if machine:
            machine.now = self.now
            machine.on(".*", ".*", self.limits)

    @property
    def name(self) -> str:
        """The lineage that the public CA issues for."""
        config = self.cell.config()
        is_wildcard = config["domain_mode"] != "http01"
        service = config["services"][0]["name"]
        return str(config["domain_name"] if is_wildcard else f"{service}.{config['domain_name']}")

    def restart(self) -> None:
        """Go on as another process does."""
        self.runner = Runner(self.cell.root)
        self.heartbeat = Heartbeat(self.runner)

    def up(self) -> Report:
        """Come up, in the present: only the heartbeat is told the time."""
        report = self.runner.up()
        self._look()
        return report

    def tick(self, now: datetime | None = None) -> Ticked:
        """Look after the certificates; the CA lives in the same time unless `now` is given."""
        if self.machine and now is None:
            self.machine.now = self.now
        before = len(self.limits.orders), self.limits.failures.total()
        event = self.heartbeat.tick(now or self.now).certificates
        assert event is not None
        after = len(self.limits.orders), self.limits.failures.total()
        if after != before:
            self.tried.append(Tried(self.now, after[0] - before[0], after[1] - before[1]))
        self.problems.append(event.problems)
        self.recovered.extend(event.recovered)
        self._look()
        return event

    def live(self, time: timedelta, *, restart_every: int = 0) -> None:
        """Jump from one due moment to the next until so much time has passed."""
        end, ticks = self.now + time, 0
        while self.now < end and ticks < 3000:
            due_at = self.tick().due_at
            ticks += 1
            if restart_every and ticks % restart_every == 0:
                self.restart()
            self.now = max(due_at or self.now + DAY, self.now + MINUTES)
        assert self.now >= end
        self.now = end

    def renewals(self, lineage: str) -> list[Current]:
        """Return what took the place of the first certificate, one after the other."""
        seen = self.current[lineage]
        return [now for before, now in pairwise(seen) if now.serial != before.serial]

    def margin(self, lineage: str) -> timedelta:
        """Return the least time that `current` had still to live; negative where it was not valid.

        One is in use until the next tick at least, in which it is replaced.
        """
        seen = [*self.current[lineage], self.current[lineage][-1]._replace(at=self.now)]
        assert all(one.not_before <= one.at for one in seen)
        return min(before.not_after - after.at for before, after in pairwise(seen))

    def _look(self) -> None:
        for folder in (self.cell.base / "certs").iterdir():
            chain = (folder / "current/fullchain.pem").read_bytes()
            leaf = x509.load_pem_x509_certificate(chain)
            key = load_pem_private_key((folder / "current/privkey.pem").read_bytes(), None)
            assert leaf.public_key() == key.public_key()
            start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
            look = Current(self.now, leaf.serial_number, start, end)
            self.current.setdefault(folder.name, []).append(look)
        plans = self.cell.base / "schedule/certificates.json"
        found: dict[str, Any] = json.loads(plans.read_text())["plans"] if plans.exists() else {}
        for plan in found.values():
            if plan.get("renew_at"):
                self.chosen.setdefault(int(plan["serial"], 16), set()).add(plan["renew_at"])


class MakeLife(Protocol):
    """Brings a cell to life, whose CA issues for so long; `pebble` is it where one is given."""

    def __call__(
        self,
        mode: str = "http01",
        profile: str = "classic",
        *,
        pebble: Pebble | None = None,
    ) -> Life: ...


@pytest.fixture
def make_life(make_cell: MakeCell, local_internet: LocalInternet) -> Iterator[MakeLife]:
    """Bring cells to life, each before a CA of its own that ends with the test."""
    net = local_internet
    with ExitStack() as opened:

        def make(
            mode: str = "http01",
            profile: str = "classic",
            *,
            pebble: Pebble | None = None,
        ) -> Life:
            if mode == "lan":
                return Life(make_cell("lan", caddy=False), None)
            if pebble is None:
                seconds = {name: int(time.total_seconds()) for name, time in PROFILES.items()}
                pebble = net.new_pebble(profiles=seconds)
                opened.callback(pebble.close)
            machine = net.time_machine(pebble)
            opened.callback(machine.close)
            cell = make_cell(mode, caddy=False, pebble=pebble)
            cell.set(picdns=net.settings(machine))
            cell.set(picdns={"acme": {"profile": profile}})
            return Life(cell, machine)

        yield make


class Act(Fault):
    """Something is done before a request passes."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def before(self, request: Request) -> None:  # noqa: ARG002
        """Do it."""
        self._act()


def ask_daily(machine: TimeMachine) -> None:
    """Let the CA want to be asked about renewals once a day, not four times: that is quicker."""

    def later(_: Request, reply: Reply) -> Reply:
        return reply.with_headers({"Retry-After": str(int(DAY.total_seconds()))})

    machine.on("GET", "(?i)renewal-?info", Rewrite(later))
