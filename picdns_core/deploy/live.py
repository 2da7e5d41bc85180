"""One deployment, as a transaction: Caddy takes it and serves it, or the last one stays."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from picdns_core.deploy import originals
from picdns_core.deploy.caddy import Caddy
from picdns_core.deploy.caddyfile import MARK, render
from picdns_core.deploy.deployment import Deployment, Serving, by_lineage
from picdns_core.deploy.probe import await_serial, served_serial
from picdns_core.errors import CaddyDown, DeployFailed
from picdns_core.http import Session
from picdns_core.model import Progress
from picdns_core.settings import CaddySettings
from picdns_core.store import Store, atomic

_LAST_GOOD = "deploy/Caddyfile"
_GENERATION = re.compile(r"/certs/([^/\s]+)/(\d+)/fullchain\.pem")


class CaddyDeployment(Deployment):
    """How certificates go live through Caddy.

    Caddy checks the new Caddyfile, loads it, and is probed for each certificate. When it is
    down, refuses, or serves something else, the Caddyfile, its config and the current
    generations are as before, and the new certificates wait for the next time.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        settings: CaddySettings,
        http: Session,
        progress: Progress = lambda _: None,
    ) -> None:
        super().__init__(store)
        self.probe: str = settings.probe or f"127.0.0.1:{settings.https_port}"
        self._root = root.absolute()
        # A link is followed, so that the file it names changes and the link stays.
        self._path = Path(os.path.realpath(self._root / settings.caddyfile))
        self._settings = settings
        self._caddy = Caddy(settings.admin, http)
        self._progress = progress

    def is_live(self, servings: Sequence[Serving]) -> bool:
        text = self._render(servings)
        return (
            super().is_live(servings)
            and text == self._written() == self._last_good()
            and all(
                served_serial(self.probe, one.meta.names[0]) == one.meta.serial
                for one in by_lineage(servings[:1])
            )
        )

    def go_live(self, servings: Sequence[Serving]) -> None:
        text, before = self._render(servings), self._written()
        try:
            self._caddy.check(text)
            running = self._caddy.running()
            self._caddy.load(text, afresh=text == before)
        except CaddyDown:
            if before is None or self._needs_missing_file(before):
                self._write(text)  # without it Caddy could not even start
            raise
        previous = {one.lineage: self._store.current(one.lineage) for one in by_lineage(servings)}
        kept = self._write(text)
        super().go_live(servings)
        for one in by_lineage(servings[:1]):
            name = one.meta.names[0]
            served = await_serial(self.probe, name, one.meta.serial)
            if served != one.meta.serial:
                self._roll_back(running, kept or before, previous)
                raise self._not_served(name, served)
        self._store.put(_LAST_GOOD, text.encode())

    def reassure(self) -> None:
        if (text := self._written()) is not None:
            self._caddy.load(text)

    def generations_in_use(self) -> set[tuple[str, str]]:
        return set(_GENERATION.findall(f"{self._written()}\n{self._last_good()}"))

    def _render(self, servings: Sequence[Serving]) -> str:
        return render(servings, self._settings, str(self._store.webroot), self._theirs)

    def _theirs(self, path: str) -> str:
        """Return a path of ours as Caddy sees it; the longest mapped directory wins."""
        mapped = {str(self._root / ours): theirs for ours, theirs in self._settings.paths.items()}
        for ours in sorted(mapped, key=len, reverse=True):
            if Path(path).is_relative_to(ours):
                return str(Path(mapped[ours]) / Path(path).relative_to(ours))
        return path

    def _roll_back(
        self, running: bytes, before: Path | str | None, previous: dict[str, str | None]
    ) -> None:
        """Make all as it was; `before` is the Caddyfile, or where that of somebody else is kept."""
        try:
            self._caddy.restore(running)
        finally:  # also when Caddy has gone meanwhile: it will start from the file
            if before is None:
                atomic.remove(self._path)
            elif isinstance(before, Path):
                originals.copy(before, self._path)
            else:
                self._write(before)
            for lineage, generation in previous.items():
                self._store.point(lineage, generation)

    def _not_served(self, name: str, served: str | None) -> DeployFailed:
        found = f"the serial {served}" if served else "nothing"
        return DeployFailed(
            f"Caddy took the new config, but at {self.probe} it serves {found} for {name}; "
            "the config before is back.",
            hint="Check picdns.caddy.probe and https_port, and what else listens there.",
        )

    def _written(self) -> str | None:
        with atomic.explained(self._path):
            try:
                return self._path.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                return None

    def _last_good(self) -> str | None:
        data = self._store.get(_LAST_GOOD)
        return None if data is None else data.decode()

    def _write(self, text: str) -> Path | None:
        """Replace the Caddyfile; one that is not ours is kept first, and returned is where."""
        kept = originals.keep(self._path, MARK, self._progress)
        if text != self._written():
            atomic.make_directories(self._path.parent, below=self._root, mode=0o755)
            atomic.write(self._path, text.encode(), mode=0o644)
        return kept

    def _needs_missing_file(self, caddyfile: str) -> bool:
        needed = _GENERATION.findall(caddyfile)
        folders = (f"certs/{lineage}/{generation}" for lineage, generation in needed)
        return any(self._store.get(f"{folder}/fullchain.pem") is None for folder in folders)
