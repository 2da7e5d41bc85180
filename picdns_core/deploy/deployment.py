"""How certificates go live where no server is configured, and what every way has in common."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from picdns_core.model import Cell
from picdns_core.store import Certificate, Store

InUse = Literal["written", "unwritten", "edited", "other"]
"""Whether a server works with the file that was `written` for it last.

`unwritten`: there is none yet; `edited`: the file is another one by now; `other`: the server works
with something else than the file says.
"""


class Serving(NamedTuple):
    """A cell, and the certificates that it is served with."""

    cell: Cell
    certificates: tuple[Certificate, ...]


class Deployment:
    """How certificates go live where no server is configured: the newest become current.

    Usually there is one serving; while modes are switched there are two, the new one first, and
    where both have the same the first wins. To be used under the `deploy` lock.
    """

    probe: str | None = None
    """Where the served certificate can be seen, host:port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_live(self, servings: Sequence[Serving]) -> bool:
        """Say whether exactly these are deployed, and those of the first served."""
        return all(
            self._store.current(one.lineage) == one.generation for one in by_lineage(servings)
        )

    def go_live(self, servings: Sequence[Serving]) -> None:
        """Make these what is served; DeployFailed leaves what was served before.

        The certificates of the first are proven to be served, those of the others only kept.
        """
        for one in by_lineage(servings):
            if self._store.current(one.lineage) != one.generation:
                self._store.point(one.lineage, one.generation)

    def reassure(self) -> None:
        """Make sure that the server uses what is live, down to what no probe sees."""

    def in_use(self) -> InUse:
        """Say what the server works with; CaddyDown, DeployFailed when it does not say."""
        return "written"

    def generations_in_use(self) -> set[tuple[str, str]]:
        """Name each lineage and generation that a server may still read."""
        return set()


def by_lineage(servings: Sequence[Serving]) -> list[Certificate]:
    """Return one certificate for each lineage: that of the first serving which has it."""
    found: dict[str, Certificate] = {}
    for serving in servings:
        for one in serving.certificates:
            found.setdefault(one.lineage, one)
    return list(found.values())
