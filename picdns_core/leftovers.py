"""TXT values that killed or hindered processes left in public DNS, removed by the next one."""

from collections.abc import Callable

from picdns_core.errors import PicdnsError, StoreError
from picdns_core.model import DomainMode, Progress, Step
from picdns_core.plugins import Holder, Provider
from picdns_core.store import Store
from picdns_core.store.journal import TxtIntent, TxtJournal
from picdns_core.store.registrations import Claim, Registrations


class Leftovers:
    """Withdraws what the journal holds, in whatever mode it was published.

    `holder` makes what hooks are given to act on a claim of a mode.
    """

    def __init__(
        self,
        store: Store,
        load: Callable[[str], Provider],
        registrations: Registrations,
        holder: Callable[[Claim, DomainMode], Holder],
        progress: Progress,
    ) -> None:
        self._store = store
        self._load = load
        self._registrations = registrations
        self._holder = holder
        self._progress = progress

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
        """Withdraw what is left in a mode; raises what stands in the way, or Busy."""
        for left in list(TxtJournal.left(self._store)):
            if left.mode == mode:
                step = f"removing TXT values of {left.lineage}"
                with self._store.lock(f"lineage-{left.lineage}", step):
                    self._withdraw(left)

    def _withdraw(self, left: TxtIntent) -> None:
        from picdns_core.issuing import withdraw_all

        provider = self._load(left.mode)
        claim = self._registrations.get(left.mode)
        if claim is None:
            raise StoreError(
                f"registrations/{left.mode}.json is lost, and with it the right to remove them.",
                hint="Remove these TXT values by hand: "
                + ", ".join(f"{one.value} at {one.name}" for one in left.records),
            )
        with (by := self._holder(claim, provider.mode))["http"]:
            if publisher := provider.publisher(**by):
                withdraw_all(publisher, TxtJournal(self._store, left.mode, left.lineage))
