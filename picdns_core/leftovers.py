"""TXT values that killed or hindered processes left in public DNS, removed by the next one."""

from collections.abc import Callable

from picdns_core.errors import ForeignName, PicdnsError, StoreError
from picdns_core.lookup import Lookup
from picdns_core.model import DomainMode, Progress, Step
from picdns_core.plugins import Holder, Provider
from picdns_core.store import Store
from picdns_core.store.failures import LEFTOVERS, Failures
from picdns_core.store.journal import TxtIntent, TxtJournal
from picdns_core.store.registrations import Claim


class Leftovers:
    """Withdraws what the journal holds, in whatever mode and for whatever name it was published.

    `holder` makes what hooks are given to act on a claim of a mode.
    """

    def __init__(
        self,
        store: Store,
        load: Callable[[str], Provider],
        holder: Callable[[Claim, DomainMode], Holder],
        lookup: Callable[[], Lookup],
        progress: Progress,
    ) -> None:
        self._store = store
        self._load = load
        self._holder = holder
        self._lookup = lookup
        self._progress = progress

    def lineages(self, mode: str) -> set[str]:
        """Name the lineages of which there are values, published in this mode."""
        return {left.lineage for left in TxtJournal.left(self._store) if left.mode == mode}

    def remove(self, lineage: str) -> None:
        """Withdraw what is left of a lineage, whose lock is held; what cannot be stays known."""
        for left in list(TxtJournal.left(self._store)):
            if left.lineage == lineage:
                try:
                    self._withdraw(left)
                except PicdnsError as error:
                    text = f"A TXT value is not removed yet, which is tried again: {error}"
                    self._progress(Step(text=text, name=lineage))

    def remove_all(self, mode: str) -> None:
        """Withdraw what is left in a mode, with the locks of its lineages held.

        Raises what stands in the way.
        """
        for left in list(TxtJournal.left(self._store)):
            if left.mode == mode:
                self._withdraw(left)

    def lineages_of(self, claim: Claim) -> set[str]:
        """Name the lineages of which there are values that were published for a claim's name."""
        return {left.lineage for left in TxtJournal.left(self._store) if _is_of(left, claim)}

    def remove_of(self, claim: Claim) -> None:
        """Withdraw what was published for a claim's name; raises what stands in the way."""
        for left in list(TxtJournal.left(self._store)):
            if _is_of(left, claim):
                self._withdraw(left)

    def tell(self, failures: Failures) -> None:
        """Let the status show what is still in DNS at the end of a run."""
        values = [record for left in TxtJournal.left(self._store) for record in left.records]
        if not values:
            failures.clear(LEFTOVERS)
            return
        where = ", ".join(sorted({record.name for record in values}))
        failures.postpone(
            LEFTOVERS,
            PicdnsError(
                f"TXT values of ours are still in DNS, at {where}. They do no harm.",
                hint="`picdns up` tries to remove them each time, and says what stands in the way.",
            ),
        )

    def _withdraw(self, left: TxtIntent) -> None:
        from picdns_core.issuing import withdraw_all

        provider = self._load(left.mode)
        if left.claim is None:
            raise StoreError(
                f"registrations/{left.mode}.json was lost, and with it the right to remove them.",
                hint=_by_hand(left),
            )
        journal = TxtJournal(self._store, left.mode, left.lineage, left.claim)
        with (by := self._holder(left.claim, provider.mode))["http"]:
            if publisher := provider.publisher(**by):
                try:
                    withdraw_all(publisher, journal)
                except ForeignName as error:
                    gone = [one for one in journal.records() if not self._lookup().shows(one)]
                    journal.remove(*gone)  # by hand, or with its zone
                    if journal.records():
                        raise ForeignName(error.message, hint=_by_hand(left)) from error


def _is_of(left: TxtIntent, claim: Claim) -> bool:
    return left.mode == claim.cell.mode and (
        left.claim is None or left.claim.cell.domain == claim.cell.domain
    )


def _by_hand(left: TxtIntent) -> str:
    values = ", ".join(f"{one.value} at {one.name}" for one in left.records)
    return f"Remove these TXT values by hand: {values}"
