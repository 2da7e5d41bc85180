"""How certificates go live where no server is configured, and what every way has in common."""

from collections.abc import Sequence

from picdns_core.store import Certificate, Store


class Deployment:
    """How certificates go live where no server is configured: the newest become current.

    To be used under the `deploy` lock.
    """

    probe: str | None = None
    """Where the served certificate can be seen, host:port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_live(self, certificates: Sequence[Certificate]) -> bool:
        """Say whether exactly these are deployed, and served."""
        return all(self._store.current(one.lineage) == one.generation for one in certificates)

    def go_live(self, certificates: Sequence[Certificate]) -> None:
        """Make these the ones that are served; DeployFailed leaves what was served before."""
        for one in certificates:
            if self._store.current(one.lineage) != one.generation:
                self._store.point(one.lineage, one.generation)

    def reassure(self) -> None:
        """Make sure that the server uses what is live, down to what no probe sees."""

    def generations_in_use(self) -> set[tuple[str, str]]:
        """Name each lineage and generation that a server may still read."""
        return set()
