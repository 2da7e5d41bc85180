"""What is asked of public DNS: where challenges belong, whether they are seen, CAA, addresses."""

import logging
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from msgspec import Struct

from picdns_core.errors import ChallengeFailed, PropagationTimeout, ProviderUnavailable
from picdns_core.model import Progress, Step, TxtRecord
from picdns_core.secret import one_line
from picdns_core.settings import DnsSettings

if TYPE_CHECKING:  # dnspython is loaded when DNS is asked
    from picdns_core.lookup.delegation import Delegation
    from picdns_core.lookup.survey import Survey
    from picdns_core.lookup.watch import Sight
    from picdns_core.lookup.wire import Answer

_CHALLENGE = "_acme-challenge."
_MOST_MOVES = 16  # each further down the tree

_log = logging.getLogger(__name__)


class Caa(Struct, frozen=True):
    """A CAA record (RFC 8659), and the name at which it stands."""

    flags: int
    tag: str
    value: str
    name: str = ""

    def __str__(self) -> str:
        """Return the record as in a zone file."""
        return f'{self.name}. CAA {self.flags} {self.tag} "{self.value}"'


class Shown(Struct, frozen=True, kw_only=True):
    """The addresses that DNS shows; one that is not `authoritative` may remember older ones."""

    addresses: frozenset[IPv4Address | IPv6Address]
    authoritative: bool


class Lookup:
    """Asks public DNS as the world sees it, and no resolver of this host; used by many threads.

    Each question goes to the servers that have authority for the name, found by a walk from the
    roots. Where a network does not let them be asked, recursive resolvers are asked over HTTPS
    (RFC 8484) from then on. These may answer from their caches: a record that they do not show
    may be there all the same. The host's own resolver finds the addresses of these, no more.

    `patience` is how many seconds a TXT value has to become visible, `grace` how many a minority
    of servers gets after the others show it.
    """

    def __init__(
        self,
        settings: DnsSettings,
        *,
        ca_bundle: str | None = None,
        cancel: threading.Event,
        progress: Progress,
        patience: float = 120.0,
        grace: float = 15.0,
    ) -> None:
        from picdns_core.lookup.way import Way

        self._way = Way(settings, ca_bundle, cancel, self.warn)
        self._cancel = cancel
        self._progress = progress
        self._patience = patience
        self._grace = grace

    def challenge_name(self, name: str) -> str:
        """Return the name at which the TXT for `name` must be: where CNAMEs lead from its own.

        That is `_acme-challenge.<name>` itself where there is none, or where DNS cannot say.
        Raises ChallengeFailed when the CNAMEs have no end.
        """
        from picdns_core.lookup.wire import LONGEST_CHAIN, NoAnswer, Question, text

        place = own = _CHALLENGE + name.removeprefix("*.")
        for _ in range(LONGEST_CHAIN):
            try:
                aliases = self._way.query(Question.of(place, "CNAME")).records
            except NoAnswer as error:
                self.warn(f"{error}: going on as if there was no CNAME", place)
                return place
            if not aliases:
                return place
            place = text(aliases[0].target)
        raise ChallengeFailed(
            f"The CNAMEs at {own} go round in circles, or on without end, so the CA was not asked. "
            "What is served stays so.",
            hint=f"Remove the CNAME at {own}, or let it lead to a name that has none.",
        )

    def is_by_wildcard(self, name: str) -> bool:
        """Tell whether a CNAME at this name is a wildcard's, as any name beside it has it too."""
        from picdns_core.lookup.wire import NoAnswer, Question

        beside = f"picdns-{uuid4().hex}.{name.partition('.')[2]}"
        try:
            ours, other = (self._way.query(Question.of(one, "CNAME")) for one in (name, beside))
        except NoAnswer:
            return False
        return bool(ours.records) and ours.records == other.records

    def shows(self, record: TxtRecord) -> bool:
        """Tell whether a TXT value is in DNS; True where that cannot be known."""
        from picdns_core.lookup.wire import NoAnswer, Question

        try:
            return record.value in self._way.query(Question.of(record.name, "TXT")).texts()
        except NoAnswer:
            return True

    def await_visible(self, records: Sequence[TxtRecord]) -> None:
        """Wait until the servers with authority show all the values, each name in its turn.

        All servers of a zone are asked at once; who does not answer is not waited for. Where a
        minority lags, or too few answer, it is said, and the wait ends well: unreachable is not
        absent. Raises PropagationTimeout when servers that answer still do not have a value at
        the end, and Cancelled.
        """
        wanted: dict[str, set[str]] = {}
        for record in records:
            wanted.setdefault(record.name, set()).add(record.value)
        for name, values in wanted.items():
            self._await(name, frozenset(values))

    def caa(self, name: str) -> tuple[Caa, ...]:
        """Return the relevant CAA set of a name (RFC 8659, section 3); empty when there is none.

        Raises ProviderUnavailable when public DNS cannot say.
        """
        at = name.removeprefix("*.").rstrip(".")
        while at:
            found = self._answer(at, "CAA").records
            if found:
                return tuple(
                    Caa(
                        flags=rdata.flags,
                        tag=rdata.tag.decode("ascii", "backslashreplace"),
                        value=rdata.value.decode("ascii", "backslashreplace"),
                        name=at,
                    )
                    for rdata in found
                )
            at = at.partition(".")[2]
        return ()

    def addresses(self, name: str, rdtype: Literal["A", "AAAA"]) -> Shown:
        """Return all addresses of one family that the name, or where its CNAMEs lead, has.

        One server is asked. Raises ProviderUnavailable when public DNS cannot say.
        """
        answer = self._answer(name, rdtype)
        found = (ip_address(rdata.address) for rdata in answer.records)
        return Shown(addresses=frozenset(found), authoritative=answer.authoritative)

    def survey(self, name: str) -> "Survey":
        """Return what each server with authority says of a name's addresses, at the end of CNAMEs.

        Raises ProviderUnavailable when public DNS cannot say.
        """
        from picdns_core.lookup.wire import NoAnswer

        try:
            return self._way.survey(name)
        except NoAnswer as error:
            raise ProviderUnavailable(
                f"Public DNS does not say where {name} leads: {error}.",
                hint="Check that the domain is registered and delegated to the right name servers, "
                "and that this host may ask out on port 53; else ask whoever runs them.",
            ) from None

    def delegation(self, name: str) -> "Delegation | None":
        """Return who serves the zone that a name is in, and who does not though he should.

        None where the network lets nobody ask. Raises ProviderUnavailable when no server answers.
        """
        from picdns_core.lookup.wire import NoAnswer

        try:
            return self._way.delegation(name)
        except NoAnswer as error:
            raise ProviderUnavailable(
                f"Public DNS does not say who serves {name}: {error}.",
                hint="Check that the domain is registered and delegated to the right name servers; "
                "else ask whoever runs them.",
            ) from None

    def trouble_on_port_53(self, name: str) -> str:
        """Tell whether questions to the root servers are "blocked" or "intercepted"; "" if not."""
        return self._way.trouble_on_port_53(name)

    def warn(self, text: str, name: str = "") -> None:
        """Say what is not as it should be, though the work goes on."""
        text = one_line(text)
        _log.info("%s %s", text, name, extra={"event": "dns_doubtful", "domain": name})
        self._progress(Step(text=text, name=name))

    def _answer(self, name: str, rdtype: str) -> "Answer":
        from picdns_core.lookup.wire import NoAnswer, Question

        try:
            return self._way.resolve(Question.of(name, rdtype))
        except NoAnswer as error:
            raise ProviderUnavailable(
                f"Public DNS does not say what {rdtype} records {name} has: {error}. "
                "What is served stays so.",
                hint="Try again later; if it lasts, ask whoever runs these name servers.",
            ) from None

    def _await(self, name: str, values: frozenset[str]) -> None:
        from picdns_core.lookup.watch import Moved, Watch

        for _ in range(_MOST_MOVES):
            seen_by = self._way.witnesses(name)
            patience = self._patience if seen_by.promising else self._grace
            try:
                sight = Watch(seen_by.looks, values, self._cancel).until(
                    seen_by.settled, patience=patience, grace=self._grace
                )
            except Moved:
                continue
            if not seen_by.settled(sight):
                self._conclude(name, seen_by.who, sight, definite=seen_by.authoritative)
            return
        self.warn("Its name servers refer to ever others; going on, since it may be there", name)

    def _conclude(self, name: str, who: str, sight: "Sight", *, definite: bool) -> None:
        """Say what is missing, and go on unless those who know say that the value is not there."""
        lacking, silent = ", ".join(sight.lacking), ", ".join(sight.silent)
        if not definite:
            self.warn(f"Not seen yet by {who}, which may remember; going on", name)
        elif len(sight.showing) > len(sight.lacking):
            missing = f"Not yet shown by {lacking}" if lacking else f"No answer from {silent}"
            self.warn(f"{missing}; going on, since others show it", name)
        elif not lacking:
            self.warn(f"No valid answer from {who}; going on, since it may be there", name)
        else:
            raise PropagationTimeout(
                f"The TXT value at {name} is not shown by {lacking} after {self._patience:.0f} s, "
                "so the CA was not asked to look. What is served stays so.",
                hint="Try again later. If it lasts, see whether these are the name servers of the "
                "provider in whose zone picdns writes.",
            )
