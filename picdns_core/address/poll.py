"""What the operators say of one family, and whom to ask next."""

from collections.abc import Sequence
from random import SystemRandom

from picdns_core.address.finding import Address
from picdns_core.address.public import Public
from picdns_core.address.sources import Source
from picdns_core.lookup.wire import NoAnswer

_AGREEING = 2
_chance = SystemRandom()


class Poll:
    """Asks as few as will do: one where it confirms what is known, else two that agree.

    Two agree when they are of different operators and at least one proved who it is: all DNS may
    be answered by one box on the way. Each operator has one voice, whichever of its sources says
    it.
    """

    def __init__(self, sources: Sequence[Source], known: Address | None, public: Public) -> None:
        self._known = known
        self._public = public
        self._waiting = _in_order(sources, confirming=known is not None)
        self._in_flight: list[Source] = []
        self.heard: dict[Address, list[Source]] = {}
        """Addresses that could be published, and who said them."""
        self._failures: list[str] = []
        self.shared = False
        """Whether somebody saw an address that a provider shares among customers."""

    @property
    def running(self) -> bool:
        """Whether somebody has not answered yet."""
        return bool(self._in_flight)

    @property
    def conclusion(self) -> Address | None:
        """The address so far; None while it is unknown."""
        agreed = (one for one, said in self.heard.items() if _voices(said) >= _AGREEING)
        return next(agreed, self._known if self._known in self.heard else None)

    @property
    def said_by(self) -> tuple[str, ...]:
        """The operators that say what the conclusion is."""
        said = self.heard.get(self.conclusion, ()) if self.conclusion else ()
        return tuple(sorted({source.operator for source in said}))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why others did not say so, in words."""
        dissent = (
            f"{source.operator} says {address}"
            for address, said in self.heard.items()
            if address != self.conclusion
            for source in said
        )
        return (*self._failures, *dissent)

    def next(self) -> Source | None:
        """Return who is to be asked now, beside those who are; None when nobody is."""
        most = max(map(_voices, self.heard.values()), default=0)
        if most + len(self._in_flight) >= self._needed():
            return None
        busy = {one.operator for said in (self._in_flight, *self.heard.values()) for one in said}
        source = next((one for one in self._waiting if one.operator not in busy), None)
        if source:
            self._waiting.remove(source)
            self._in_flight.append(source)
        return source

    def leave_out(self, source: Source) -> None:
        """Do not ask somebody whose answer is still awaited from before."""
        self._waiting.remove(source)
        self._failures.append(f"{source.operator} has not answered yet")

    def hear(self, source: Source, answer: Address | NoAnswer) -> None:
        """Take an answer; one that comes after its time is no more of interest."""
        if source not in self._in_flight:
            return
        self._in_flight.remove(source)
        if isinstance(answer, NoAnswer):
            self._failures.append(f"{source.operator} {answer}")
        elif denial := self._public.denial(answer):
            self._failures.append(f"{source.operator} says {answer}, which {denial.reason}")
            self.shared |= denial.kind == "shared"
        else:
            self.heard.setdefault(answer, []).append(source)

    def give_up(self) -> None:
        """Wait no longer for those who have not answered."""
        for source in tuple(self._in_flight):
            self.hear(source, NoAnswer("does not answer in time"))

    def _needed(self) -> int:
        confirming = self._known is not None and self.heard.keys() <= {self._known}
        return 1 if confirming else _AGREEING


def _voices(said: Sequence[Source]) -> int:
    """Count those who say the same; all that is not proven is one voice."""
    operators = len({one.operator for one in said})
    return operators if any(one.proven for one in said) else min(operators, 1)


def _in_order(sources: Sequence[Source], *, confirming: bool) -> list[Source]:
    """Return the sources by chance, those that prove who they are first.

    Confirming what is known begins with DNS: a packet to and fro, and no harm in a lie.
    """
    mixed = _chance.sample(sources, len(sources))
    unproven = [source for source in mixed if not source.proven]
    first, rest = (unproven[:1], unproven[1:]) if confirming else ([], unproven)
    return [*first, *(source for source in mixed if source.proven), *rest]
