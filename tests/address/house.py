"""A cell that keeps its addresses published, one look after the other, at times of a test's own."""

import json
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from picdns_core import Addresses, FileStore, Step, load_mode
from picdns_core.address import AddressFinder
from picdns_core.clock import Clock
from picdns_core.config import parse
from picdns_core.http import Session
from picdns_core.lookup import Lookup
from picdns_core.plugins import Claimant, Holder
from picdns_core.publishing import AddressKeeper, AddressLook
from picdns_core.store import ConfigFile, ModeSecrets
from picdns_core.store.published import Published, PublishedAddresses
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.secrets import take_secrets
from picdns_core.testing import Echoes, Fault
from tests.accounts import Account
from tests.conftest import Cell

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(minutes=5)
HOME4, HOME6 = "203.0.113.7", "2001:db8::7"
AWAY4, AWAY6 = "203.0.113.8", "2001:db8::8"


def both(ipv4: str | None, ipv6: str | None) -> Addresses:
    return Addresses(
        ipv4=IPv4Address(ipv4) if ipv4 else None, ipv6=IPv6Address(ipv6) if ipv6 else None
    )


HOME, AWAY = both(HOME4, HOME6), both(AWAY4, AWAY6)


class House:
    """Looks as the heartbeat does: what asks is kept from look to look."""

    def __init__(self, cell: Cell, echoes: Echoes) -> None:
        assert cell.account
        self.cell = cell
        self.account: Account = cell.account
        self.echoes = echoes
        self.now = NEW_YEAR
        self.steps: list[Step] = []
        self.changes: list[tuple[Addresses, Addresses]] = []
        self.cancel = threading.Event()
        cell.set(picdns=cell.net.settings(cell.pebble, echoes=echoes))
        self.open()

    def open(self) -> None:
        """Begin as a new process does, with the config as it is now; claim the name."""
        root, source = self.cell.root, ConfigFile(self.cell.root)
        self.provider = load_mode(self.cell.config()["domain_mode"])
        mode = self.provider.mode
        self.store = FileStore(root)
        self.secrets = ModeSecrets(self.store, root, mode.name, mode.secrets)
        parsed = parse(take_secrets(source, source.read(), self.store, root, mode), mode)
        self.config = parsed
        self.registrations = Registrations(self.store)
        bundle = parsed.picdns.http.ca_bundle
        self.finder = AddressFinder(
            parsed.picdns.address,
            ca_bundle=bundle,
            cancel=self.cancel,
            progress=self.steps.append,
        )
        self.lookup = Lookup(
            parsed.picdns.dns, ca_bundle=bundle, cancel=self.cancel, progress=self.steps.append
        )
        if not self.registrations.matching(parsed.cell, parsed.settings):
            self.registrations.begin(parsed.cell, parsed.settings)
            with (by := self.claimant())["http"]:
                registration = self.provider.register(**by)
            self.registrations.keep(parsed.cell, parsed.settings, registration)

    @property
    def domain(self) -> str:
        return self.config.cell.domain

    def claimant(self) -> Claimant:
        return Claimant(
            cell=self.config.cell,
            settings=self.config.settings,
            http=Session(self.config.picdns.http.ca_bundle),
            secrets=self.secrets,
        )

    def claim(self) -> Claim:
        found = self.registrations.get(self.provider.mode.name)
        assert found
        return found

    def holder(self, claim: Claim) -> Holder:
        settings = msgspec.convert(claim.settings, self.provider.mode.settings)
        by = self.claimant() | {"cell": claim.cell, "settings": settings}
        return Holder(**by, registration=claim.registration)

    def keep(self, after: timedelta = TICK, *, at_once: bool = False) -> AddressLook:
        """Look once more, so much later than the last time."""
        self.now += after
        keeper = AddressKeeper(
            provider=self.provider,
            store=self.store,
            claim=self.claim,
            holder=self.holder,
            finder=self.finder,
            lookup=self.lookup,
            clock=Clock(self.now),
            changed=self.hear,
            progress=self.steps.append,
            cancel=self.cancel,
        )
        return keeper.keep(at_once=at_once)

    def hear(self, new: Addresses, old: Addresses) -> None:
        """Take note of a change; an observer may use what is locked while addresses are sent."""
        with self.store.lock("address", "hearing of a change"):
            self.changes.append((new, old))

    def killed_at(self, fault: Fault, arrived: threading.Event) -> None:
        """Look in a process of its own, which is killed where the fault holds its request."""
        changes = "GET" if self.provider.mode.name == "duckdns" else "POST|PATCH|PUT"
        self.account.service.on(changes, "", fault, first=1)
        if (child := os.fork()) == 0:
            try:
                self.keep(timedelta())
            finally:
                os._exit(0)
        assert arrived.wait(10)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        fault.end()
        self.account.service.faults.clear()

    def someone_publishes(self, addresses: Addresses) -> None:
        """Publish as a clone of this cell does, which has the same token and name."""
        with (by := self.holder(self.claim()))["http"]:
            self.provider.update_ip(addresses=addresses, **by)

    def asked(self) -> int:
        """Count what the service was asked."""
        return len(self.account.service.requests)

    @property
    def kept(self) -> Published:
        """What is on disk."""
        return PublishedAddresses(self.store).load(self.provider.mode.name, self.domain)

    def raw(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    @property
    def file(self) -> Any:
        return self.cell.base / "schedule/addresses.json"

    def in_dns(self, name: str = "") -> set[str]:
        """Return the addresses that the zone has for a name below the domain, or for itself."""
        zone = self.account.zone
        owner = f"{name}{self.domain}".removesuffix(f".{zone.name}")
        records = zone.records()
        found = (records.get((owner, rdtype), frozenset()) for rdtype in ("A", "AAAA"))
        return set().union(*found)
