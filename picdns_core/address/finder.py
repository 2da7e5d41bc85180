"""Finds the public addresses of this host."""

import re
import threading
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from picdns_core.address import finding, host
from picdns_core.address.finding import FAMILIES, FORMS, LABELS, Address, Family, Finding, Sighting
from picdns_core.address.public import Public, is_shared
from picdns_core.address.sources import Source, of_family
from picdns_core.errors import Cancelled, ConfigError
from picdns_core.model import Addresses, Progress, Step
from picdns_core.settings import AddressSettings

if TYPE_CHECKING:  # dnspython is loaded when somebody is asked
    from picdns_core.address.poll import Poll

_INTERFACE = re.compile(r"interface(?::(?P<name>[^\s/:]{1,15}))?")


class AddressFinder:
    """Finds the public addresses; used by many threads, of which one at a time asks.

    Sources are asked from daemon threads, at most one for each source. When nobody has answered
    for `patience` seconds, those who were asked are left and others are tried. `ca_bundle` is a
    PEM file that verifies HTTPS instead of the system's. Raises ConfigError for a wrong setting.
    """

    def __init__(
        self,
        settings: AddressSettings,
        *,
        ca_bundle: str | None = None,
        cancel: threading.Event,
        progress: Progress,
        patience: float = 8.0,
    ) -> None:
        self._ca_bundle = ca_bundle
        self._cancel = cancel
        self._progress = progress
        self._patience = patience
        self._public = Public(settings.also_global)
        self._sources: dict[Family, tuple[Source, ...]] = {}
        self._settled: dict[Family, Sighting] = {}
        self._interface: str | None = None
        self._lock = threading.Lock()
        self._busy: set[Source] = set()
        for family in FAMILIES:
            self._choose_way(settings, family)

    def find(self, known: Addresses) -> Finding:
        """Return what can be found out now; `known` is what is published.

        A failing network raises nothing: what was not found is None, with the reasons. Raises
        Cancelled when the host asks to stop.
        """
        published = {"ipv4": known.ipv4, "ipv6": known.ipv6}
        leaving = {family: self._leaving(family) for family in self._sources}
        with self._lock:
            polls = {
                family: self._poll(family, published[family])
                for family, own in leaving.items()
                if not own or any(own)  # where no server's address is known, there may be a way
            }
            self._ask_all(polls.values())
        ipv4, ipv6 = (
            self._concluded(family, polls[family], leaving[family])
            if family in polls
            else self._unasked(family, published[family])
            for family in FAMILIES
        )
        return Finding(ipv4=ipv4, ipv6=ipv6)

    def _choose_way(self, settings: AddressSettings, family: Family) -> None:
        setting: str = getattr(settings, family)
        if setting == "auto":
            self._sources[family] = of_family(settings, family)
        elif setting == "off":
            self._settled[family] = Sighting()
        elif family == "ipv6" and (interface := _INTERFACE.fullmatch(setting)):
            self._interface = interface["name"]
        else:
            self._settled[family] = self._given(family, setting)

    def _given(self, family: Family, setting: str) -> Sighting:
        """Judge an address in the settings."""
        try:
            address = FORMS[family](setting)
        except ValueError:
            also = ", `interface`" if family == "ipv6" else ""
            raise ConfigError(
                f"picdns.address.{family}",
                f"{setting!r} is no {LABELS[family]} address.",
                hint=f"Give `auto`{also}, `off` or the address itself.",
            ) from None
        denial = self._public.denial(address)
        if not denial:
            return Sighting(address=address, said_by=("settings",))
        shared = denial.kind == "shared"
        verdict = (
            finding.shared(family) if shared else finding.not_public(family, address, denial.reason)
        )
        return Sighting(doubts=(f"{address} {denial.reason}",), verdict=verdict)

    def _on_interface(self, known: Address | None) -> Sighting:
        """Choose an address of this host: the one that is published while it lasts."""
        found: dict[Address, str] = {
            address: name
            for address, name in host.lasting_ipv6(self._interface)
            if not self._public.denial(address)
        }
        if not found:
            return Sighting(verdict=finding.nothing_lasting(self._interface))
        chosen = known if known in found else next(iter(found))
        return Sighting(address=chosen, said_by=(found[chosen],))

    def _leaving(self, family: Family) -> list[Address | None]:
        """Return the addresses of this host that servers see unless there is a NAT in between."""
        servers = {source.server for source in self._sources[family] if source.server}
        return [host.leaving_address(server) for server in servers]

    def _poll(self, family: Family, known: Address | None) -> "Poll":
        from picdns_core.address.poll import Poll

        poll = Poll(self._sources[family], known, self._public)
        for source in self._busy.intersection(self._sources[family]):
            poll.leave_out(source)
        return poll

    def _ask_all(self, polls: Collection["Poll"]) -> None:
        """Ask until each poll has come to its end."""
        if not polls:
            return
        from picdns_core.lookup.crowd import Crowd

        crowd: Crowd[Address] = Crowd(self._cancel)
        asked: dict[str, tuple[Poll, Source]] = {}
        while True:
            for poll in polls:
                while source := poll.next():
                    who = f"{source.family} {source.url}"
                    asked[who] = poll, source
                    self._begin(source)
                    crowd.start(who, partial(self._ask, source))
            if not any(poll.running for poll in polls):
                return
            try:
                back = crowd.next(self._patience)
            except Cancelled:
                raise Cancelled(
                    "Stopped while asking for the public address. What is published stays so.",
                    hint="It goes on next time.",
                ) from None
            if back:
                who, answer = back
                poll, source = asked[who]
                poll.hear(source, answer)
            else:
                for poll in polls:
                    poll.give_up()

    def _begin(self, source: Source) -> None:
        self._busy.add(source)
        label = LABELS[source.family]
        self._progress(Step(text=f"Asking {source.operator} for the public {label} address"))

    def _ask(self, source: Source) -> Address:
        from picdns_core.address import echo, whoami

        try:
            if source.question:
                return whoami.ask(source.question, source.family)
            return echo.ask(source, self._ca_bundle)
        finally:
            self._busy.discard(source)

    def _unasked(self, family: Family, known: Address | None) -> Sighting:
        if family in self._sources:
            return Sighting(verdict=finding.no_route(family))
        return self._settled.get(family) or self._on_interface(known)

    def _concluded(
        self, family: Family, poll: "Poll", leaving: Collection[Address | None]
    ) -> Sighting:
        """Put into words what the poll has come to."""
        address = poll.conclusion
        behind_nat = any(one and is_shared(one) for one in leaving)
        verdict = None
        if behind_nat or (poll.shared and not address):
            verdict = finding.shared(family)
        elif len(poll.heard) > 1 and not address:
            verdict = finding.disagreement(family, tuple(sorted(poll.heard)))
        return Sighting(
            address=address,
            said_by=poll.said_by,
            doubts=poll.doubts,
            verdict=verdict,
        )
