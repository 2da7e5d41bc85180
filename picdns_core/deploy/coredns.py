"""What is answered inside the VPN, as a transaction: CoreDNS answers it, or what was before."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

from msgspec import field

from picdns_core.deploy import corefile, originals, resolve, zonefile
from picdns_core.deploy.mounts import as_seen
from picdns_core.deploy.reload import Reload, tell
from picdns_core.errors import ConfigError, CoreDnsDown, DeployFailed, PicdnsError
from picdns_core.model import Cell, Progress, Step
from picdns_core.settings import CoreDnsSettings
from picdns_core.store import Store, atomic
from picdns_core.store.documents import Document, load, save

_KEPT = "deploy/inside.json"
_INTERNAL = "cell"
_DOCKER = ip_network("172.16.0.0/12")
_log = logging.getLogger(__name__)


class _Inside(Document, frozen=True, kw_only=True):
    """The latest serial that was taken, and the files that were last proven, by their names."""

    serial: int | None = None
    good: dict[str, str] = field(default_factory=dict)
    warned: tuple[str, ...] = ()


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
        self._root = root.absolute()
        self._store = store
        self._settings = settings
        self._reload = reload
        self._progress = progress
        # A link is followed, so that the file it names changes and the link stays.
        self._corefile = Path(os.path.realpath(self._root / settings.corefile))
        self._zones = Path(os.path.realpath(self._root / settings.zones))

    def is_live(self, cells: Sequence[Cell]) -> bool:
        """Say whether exactly these are answered: the files, the serial and the VPN address."""
        serial = self._serial_on_disk(cells)
        if serial is None or not self._is_written(files := self._render(cells, serial)):
            return False
        zones = dict.fromkeys(self._names(cells), serial)
        return (
            self._inside().good == _texts(files)
            and all(resolve.serial(self.probe, zone) == serial for zone in zones)
            and self._answer_addresses(cells)
        )

    def go_live(self, cells: Sequence[Cell]) -> None:
        """Have CoreDNS answer these; DeployFailed leaves what it answered before.

        A CoreDNS that is down finds the new files when it starts; CoreDnsDown says so.
        """
        self._warn_of_nat()
        zones = list(self._names(cells))
        served = {zone: resolve.serial(self.probe, zone) for zone in zones}
        answered = resolve.ask(self.probe, f"{zones[0]}.", "SOA").rcode is not None
        files = self._render(cells, self._serial(cells, served.values()))
        serial = zonefile.serial_of(next(iter(files.values()))) or 0
        for zone, path in self._paths(zones).items():
            zonefile.check(zone, files[path])
        before = self._replaceable(files)
        try:
            self._write(files)
            tell(self._reload)
            self._prove(cells, serial)
        except PicdnsError as error:
            if answered:
                self._roll_back(before, serial, zones)
            elif isinstance(error, DeployFailed):
                raise self._down(error) from error
            raise
        self._keep(good=_texts(files))
        self._drop_former(files)
        _log.info(
            "CoreDNS answers what is new",
            extra={"event": "coredns_reloaded", "serial": serial, "zones": zones},
        )

    def ask(self, name: str, rdtype: str) -> resolve.Heard:
        """Return what CoreDNS answers us at the probe: what a VPN client hears, if we are one.

        It takes a few seconds at most; nobody who answers is an answer as well.
        """
        return resolve.ask(self.probe, name, rdtype)

    @property
    def nat_trap(self) -> tuple[str, ...]:
        """Those of the VPN networks in which Docker's gateways may be.

        Behind Docker's NAT every client looks like a gateway, so that all would be inside. A
        single address that is no gateway's, as that of this process, is fine.
        """
        return tuple(
            one
            for one in self._settings.vpn_networks
            if (network := ip_network(one, strict=False)).version == _DOCKER.version
            and network.overlaps(_DOCKER)
            and (network.num_addresses > 1 or one.partition("/")[0].endswith(".1"))
        )

    @property
    def _addresses(self) -> tuple[str, ...]:
        given = self._settings.vpn_address
        return (given,) if isinstance(given, str) else given

    def _names(self, cells: Sequence[Cell]) -> dict[str, set[str]]:
        """Return each zone with its names."""
        zones: dict[str, set[str]] = {cell.domain: {"@", "*"} for cell in cells}
        inside = {service.name for cell in cells for service in cell.services}
        # A domain below .cell is a zone of its own; here its name exists for who asks for the DS.
        suffix = f".{_INTERNAL}"
        inside |= {one.removesuffix(suffix) for one in zones if one.endswith(suffix)}
        return zones | {_INTERNAL: inside}

    def _paths(self, zones: Sequence[str]) -> dict[str, Path]:
        return {zone: self._zones / f"{zone}.zone" for zone in zones}

    def _render(self, cells: Sequence[Cell], serial: int) -> dict[Path, str]:
        """Return all files, the Corefile last."""
        names = self._names(cells)
        paths = self._paths(list(names))
        files = {
            paths[zone]: zonefile.render(zone, names[zone], self._addresses, serial)
            for zone in names
        }
        theirs = {zone: self._theirs(path) for zone, path in paths.items()}
        domains = dict.fromkeys(cell.domain for cell in cells)
        files[self._corefile] = corefile.render(domains, theirs, self._settings, self._include())
        return files

    def _include(self) -> str | None:
        if not self._settings.include:
            return None
        path = self._root / self._settings.include
        if "*" not in path.name and not path.exists():
            raise ConfigError(
                "picdns.coredns.include", f"there is no file {path}.", hint="Write it, or unset it."
            )
        return self._theirs(path)

    def _theirs(self, path: Path) -> str:
        return as_seen(path, self._root, self._settings.paths)

    def _serial_on_disk(self, cells: Sequence[Cell]) -> int | None:
        paths = self._paths(list(self._names(cells))).values()
        found = {zonefile.serial_of(_read(path) or "") for path in paths}
        return found.pop() if len(found) == 1 else None

    def _serial(self, cells: Sequence[Cell], served: Iterable[int | None]) -> int:
        """Return the serial on disk where all is written and nobody has heard a later one.

        Else a new one, which is kept before it is used.
        """
        heard = [one for one in served if one is not None]
        kept, written = self._inside().serial, self._serial_on_disk(cells)
        if (
            written is not None
            and not any(
                zonefile.is_newer(one, written) for one in (*heard, kept) if one is not None
            )
            and self._is_written(self._render(cells, written))
        ):
            return written
        new = zonefile.next_serial(int(time.time()), written, kept, *heard)
        self._keep(serial=new)
        return new

    def _is_written(self, files: dict[Path, str]) -> bool:
        return all(_read(path) == text for path, text in files.items())

    def _write(self, files: dict[Path, str]) -> None:
        """Write what is new, zones before the Corefile that names them."""
        for path, text in files.items():
            if _read(path) != text:
                atomic.make_directories(path.parent, below=self._root, mode=0o755)
                atomic.write(path, text.encode(), mode=0o644)

    def _replaceable(self, files: dict[Path, str]) -> dict[Path, Path | str | None]:
        """Keep what others wrote; return what to put back in each place: file, text or nothing."""
        good = self._inside().good
        before: dict[Path, Path | str | None] = {}
        for path in files:
            mark = corefile.MARK if path == self._corefile else zonefile.MARK
            kept = originals.keep(path, mark, self._progress)
            before[path] = kept or (good.get(path.name, _read(path)) if _read(path) else None)
        return before

    def _roll_back(
        self, before: dict[Path, Path | str | None], serial: int, zones: Sequence[str]
    ) -> None:
        """Make all as it was; a zone that was heard with the new serial gets one after it."""
        heard = any(resolve.serial(self.probe, zone) == serial for zone in zones)
        later = zonefile.next_serial(serial, serial)
        if heard:
            self._keep(serial=later)
        for path, was in before.items():
            if was is None:
                atomic.remove(path)
            elif isinstance(was, Path):
                originals.copy(was, path)
            else:
                mine = heard and path != self._corefile
                text = zonefile.with_serial(was, later) if mine else was
                atomic.write(path, text.encode(), mode=0o644)
        with suppress(PicdnsError):  # what is told is why the new ones failed
            tell(self._reload)
        _log.info(
            "CoreDNS is given back its former files",
            extra={"event": "coredns_rolled_back", "zones": list(zones)},
        )

    def _answer_addresses(self, cells: Sequence[Cell]) -> bool:
        """Say whether the domain has the VPN address, as far as we are answered at all."""
        heard = resolve.ask(self.probe, f"{cells[0].domain}.", "A")
        wanted = {one for one in self._addresses if "." in one}
        return heard.rcode == "REFUSED" or set(heard.values) == wanted

    def _prove(self, cells: Sequence[Cell], serial: int) -> None:
        """Wait until the serial is answered for each zone; DeployFailed when it is not."""
        wanted = dict.fromkeys(self._names(cells), serial)
        if (heard := resolve.await_serials(self.probe, wanted)) != wanted:
            raise self._not_answered(heard, serial)
        if not self._answer_addresses(cells):
            raise DeployFailed(
                f"CoreDNS at {self.probe} took the new zones, but answers other addresses for "
                f"{cells[0].domain}; the files before are back.",
                hint="Look for the same name in what picdns.coredns.include names.",
            )

    def _not_answered(self, heard: dict[str, int | None], serial: int) -> DeployFailed:
        zone, found = next((zone, one) for zone, one in heard.items() if one != serial)
        said = f"the serial {found}" if found is not None else "no serial"
        return DeployFailed(
            f"CoreDNS was told to read its new files, but at {self.probe} it answers {said} for "
            f"{zone} and not {serial}; the files before are back, and what it answers stays so.",
            hint="Look into its log; check picdns.coredns.paths, include, listen, port and probe, "
            "and whether its user may read its files.",
        )

    def _down(self, error: DeployFailed) -> CoreDnsDown:
        return CoreDnsDown(
            f"CoreDNS does not answer at {self.probe}. Its new files are written; it reads them "
            f"when it starts. ({error.message})",
            hint="Start CoreDNS and look into its log, or correct picdns.coredns.probe; then run "
            "`picdns up`.",
        )

    def _drop_former(self, files: dict[Path, str]) -> None:
        """Remove zone files of domains that are no longer answered."""
        for path in self._zones.glob("*.zone"):
            if path not in files and (_read(path) or "").startswith(zonefile.MARK):
                originals.keep(path, zonefile.MARK, self._progress)
                atomic.remove(path)

    def _warn_of_nat(self) -> None:
        if (trapped := self.nat_trap) and trapped != self._inside().warned:
            self._progress(
                Step(
                    text=f"Warning: {', '.join(trapped)} of picdns.coredns.vpn_networks overlaps "
                    "with Docker's networks. Behind Docker's NAT every client looks like a "
                    "gateway there, so that clients outside the VPN would be answered as inside"
                )
            )
            self._keep(warned=trapped)

    def _inside(self) -> _Inside:
        return load(self._store, _KEPT, _Inside) or _Inside()

    def _keep(self, **changes: object) -> None:
        from msgspec.structs import replace

        save(self._store, _KEPT, replace(self._inside(), **changes))


def _read(path: Path) -> str | None:
    with atomic.explained(path):
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None


def _texts(files: dict[Path, str]) -> dict[str, str]:
    return {path.name: text for path, text in files.items()}
