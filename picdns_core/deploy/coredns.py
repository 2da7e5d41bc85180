"""What is answered inside the VPN, through CoreDNS."""

from collections.abc import Sequence
from pathlib import Path

from picdns_core.deploy.reload import Reload
from picdns_core.deploy.resolve import Heard
from picdns_core.model import Cell, Progress
from picdns_core.settings import CoreDnsSettings
from picdns_core.store import Store


class SplitHorizon:
    """The cell's names as clients inside the VPN hear them; to be used under the `deploy` lock.

    `cells` are those that are answered now. Usually there is one; while modes are switched there
    are two, the new one first, and where both have the same the first wins.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        settings: CoreDnsSettings,
        reload: Reload,
        progress: Progress = lambda _: None,
    ) -> None:
        self.probe: str = settings.probe or "127.0.0.1:53"
        """Where CoreDNS is asked, host:port."""

    def is_live(self, cells: Sequence[Cell]) -> bool:
        """Say whether exactly these are answered: the files, the serial and the VPN address."""
        raise NotImplementedError

    def go_live(self, cells: Sequence[Cell]) -> None:
        """Have CoreDNS answer these; DeployFailed leaves what it answered before."""
        raise NotImplementedError

    def ask(self, name: str, rdtype: str) -> Heard:
        """Return what CoreDNS answers us at the probe: what a VPN client hears, if we are one.

        It takes a second or two at most; nobody who answers is an answer as well.
        """
        raise NotImplementedError
