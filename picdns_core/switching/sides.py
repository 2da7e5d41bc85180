"""The cell as it is, and as it is to be, side by side."""

from picdns_core.clock import Clock
from picdns_core.deploy.deployment import Serving
from picdns_core.job import Job
from picdns_core.store import Certificate
from picdns_core.store.staging import Staging
from picdns_core.store.switches import SwitchIntent
from picdns_core.workshop import Workshop


class Sides:
    """Both cells of a switch, as the journal has them; what the new one writes is staged."""

    def __init__(self, workshop: Workshop, intent: SwitchIntent, clock: Clock) -> None:
        """Open both; `workshop` is one of which nobody hears."""
        self.workshop = workshop
        self.real = workshop.store()
        self.staging = Staging(self.real)
        self.intent = intent
        opener, old, new = workshop.opener, intent.old, intent.new
        self.old: Job = workshop.open_as(opener.as_given(old.cell, old.settings, self.real), clock)
        self.new: Job = workshop.open_as(
            opener.as_given(new.cell, new.settings, self.staging), clock
        )

    @property
    def shared(self) -> set[str]:
        """Name the lineages of which both want a certificate."""
        return {one.lineage for one in self.old.wants} & {one.lineage for one in self.new.wants}

    def serving_new(self) -> Serving:
        """Return the new one with its newest certificates."""
        newest = (self.new.lineages.newest(one.lineage) for one in self.new.wants)
        return Serving(self.new.cell, tuple(one for one in newest if one))

    def serving_old(self) -> Serving:
        """Return the old one with the certificates that it had before the switch."""
        had = (self._had(one.lineage) for one in self.old.wants)
        return Serving(self.old.cell, tuple(one for one in had if one))

    def _had(self, lineage: str) -> Certificate | None:
        before = self.intent.before.get(lineage)
        if before is None:
            return self.old.lineages.newest(lineage)
        return self.old.lineages.get(lineage, before.newest) if before.newest else None
