"""One deployment, as a transaction: Caddy takes it and serves it, or the last one stays."""

import json
import logging
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from picdns_core.deploy import originals
from picdns_core.deploy.caddy import Caddy, Config
from picdns_core.deploy.caddyfile import MARK, render
from picdns_core.deploy.deployment import Deployment, InUse, Serving, by_lineage
from picdns_core.deploy.mounts import as_seen
from picdns_core.deploy.proof import PATIENCE, first_unserved
from picdns_core.errors import CaddyDown, DeployFailed
from picdns_core.model import Progress
from picdns_core.settings import CaddySettings
from picdns_core.store import Store, atomic

_LAST_GOOD = "deploy/Caddyfile"
_log = logging.getLogger(__name__)
_GENERATION = re.compile(r"/([^/\s]+)/(\d+)/fullchain\.pem")


class CaddyDeployment(Deployment):
    """How certificates go live through Caddy.

    Caddy checks the new Caddyfile, loads it, and is probed for each certificate. When it is
    down, refuses, or serves something else, the Caddyfile, its config and the current
    generations are as before, and the new certificates wait for the next time.
    """

    _HINT = "Check picdns.caddy.probe and https_port, and what else listens there."

    def __init__(
        self,
        root: Path,
        store: Store,
        settings: CaddySettings,
        progress: Progress = lambda _: None,
    ) -> None:
        super().__init__(store)
        self.probe: str = settings.probe or f"127.0.0.1:{settings.https_port}"
        self._root = root.absolute()
        self._settings = settings
        self._path = self._written_path()
        self._caddy = Caddy(settings.admin)
        self._progress = progress

    def is_live(self, servings: Sequence[Serving]) -> bool:
        text = self._render(servings)
        return (
            super().is_live(servings)
            and text == self._written() == self._last_good()
            and not first_unserved(self.probe, servings[0])
        )

    def go_live(self, servings: Sequence[Serving]) -> None:
        text, before = self._render(servings), self._written()
        try:
            with ExitStack() as undo:
                undo.callback(self._log_undone)  # which is done last
                self._take(text, before, undo)
                for one in by_lineage(servings):
                    undo.callback(self._store.point, one.lineage, self._store.current(one.lineage))
                super().go_live(servings)
                if unserved := first_unserved(self.probe, servings[0], PATIENCE):
                    raise self._not_served(*unserved)
                self._store.put(_LAST_GOOD, text.encode())
                undo.pop_all()
            _log.info(
                "Caddy serves what is new", extra={"event": "caddy_reloaded", "probe": self.probe}
            )
        except CaddyDown:
            if before is None or self._needs_missing_file(before):
                self._write(text, ExitStack())  # without it Caddy could not even start
            raise

    def reassure(self) -> None:
        atomic.sweep_beside(self._path)
        if (text := self._written()) is not None:
            self._caddy.load(self._caddy.adapt(self._caddyfile(text)))

    def in_use(self) -> InUse:
        running, text = json.loads(self._caddy.running()), self._written()
        if text is None or (last := self._last_good()) is None:
            return "unwritten"
        if text != last:
            return "edited"
        return "written" if running == self._caddy.adapt(self._caddyfile(text)) else "other"

    def generations_in_use(self) -> set[tuple[str, str]]:
        return set(_GENERATION.findall(f"{self._written()}\n{self._last_good()}"))

    def _written_path(self) -> Path:
        # A link is followed, so that the file it names changes and the link stays.
        return Path(os.path.realpath(self._root / self._settings.caddyfile))

    def _render(self, servings: Sequence[Serving]) -> str:
        return render(servings, self._settings, str(self._store.webroot), self._theirs)

    def _caddyfile(self, text: str) -> str:
        """Return what Caddy is given when the written file has this text."""
        return text

    def _take(self, text: str, before: str | None, undo: ExitStack) -> None:
        """Have Caddy use the text, and write it."""
        self._use(text, before, undo)
        self._write(text, undo)

    def _use(self, text: str, before: str | None, undo: ExitStack) -> None:
        # Adapted once: with many services that is nine tenths of what a load takes.
        config = self._caddy.adapt(self._caddyfile(text))
        self._accept(config)
        running = self._caddy.running()
        try:
            self._caddy.load(config, afresh=text == before)
        except CaddyDown:
            with suppress(DeployFailed):  # it may have taken it, and only the answer was lost
                self._caddy.restore(running)
            raise
        undo.callback(self._caddy.restore, running)

    def _accept(self, config: Config) -> None:
        """Look at what Caddy made of the Caddyfile, before it is loaded."""

    def _theirs(self, path: str) -> str:
        return as_seen(path, self._root, self._settings.paths)

    def _not_served(self, name: str, served: str | None) -> DeployFailed:
        found = f"the serial {served}" if served else "nothing"
        return DeployFailed(
            f"Caddy took the new config, but at {self.probe} it serves {found} for {name}; "
            "the config before is back.",
            hint=self._HINT,
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

    def _write(self, text: str, undo: ExitStack) -> None:
        """Replace the written file; one that is not as we wrote it is kept first."""
        kept, before = originals.keep(self._path, MARK, self._progress), self._written()
        if text == before:
            atomic.sweep_beside(self._path)  # a killed writer's, which nobody else would remove
            return
        if kept:
            undo.callback(originals.copy, kept, self._path)
        elif before is None:
            undo.callback(atomic.remove, self._path)
        else:
            undo.callback(self._replace, before)
        self._replace(text)

    def _replace(self, text: str) -> None:
        atomic.make_directories(self._path.parent, below=self._root, mode=0o755)
        atomic.write(self._path, text.encode(), mode=0o644)

    def _log_undone(self) -> None:
        _log.info(
            "Caddy serves what it served before",
            extra={"event": "caddy_rolled_back", "probe": self.probe},
        )

    def _needs_missing_file(self, written: str) -> bool:
        needed = _GENERATION.findall(written)
        folders = (f"certs/{lineage}/{generation}" for lineage, generation in needed)
        return any(self._store.get(f"{folder}/fullchain.pem") is None for folder in folders)
