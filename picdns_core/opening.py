"""The cell as a run finds it: as the config has it, or as it is in force until that is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from picdns_core import config
from picdns_core.config import Config, ConfigSource
from picdns_core.errors import ConfigError
from picdns_core.kept import Kept
from picdns_core.model import Cell
from picdns_core.plugins import Provider, load_mode
from picdns_core.store import FileStore, Store
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.secrets import take_secrets


class Opened(NamedTuple):
    """A cell in one mode.

    `waiting` says what the config asks for that has not been done, `trouble` why the config
    cannot be read as a cell; both are None where the cell is as it is configured.
    """

    provider: Provider
    store: Store
    config: Config
    waiting: str | None = None
    trouble: ConfigError | None = None


class Opener:
    """Opens one cell, each time from the config as it is then."""

    def __init__(self, root: Path, source: ConfigSource, store: Store | None, kept: Kept) -> None:
        self._root = root
        self.source = source
        self._store = store
        self._kept = kept

    def as_configured(self) -> Opened:
        """Open the cell that the config describes."""
        return self._configured(self.source.read())

    def as_in_force(self) -> Opened | None:
        """Open the cell that `up` has brought up; None when there is none, or not any more.

        What only `up` may do, to move to another mode or name, is left for it: until then the
        cell is kept alive as it is, with the services of the config.
        """
        raw = self.source.read()
        store = self._open_store(raw)
        registrations = Registrations(store)
        mode = registrations.in_force()
        claim = registrations.get(mode) if mode else None
        if mode is None or claim is None:
            return None
        waiting, trouble = None, None
        try:
            asked = config.parse(raw, self.load(config.mode_name(raw)).mode)
            if asked.cell.mode == mode and claim.is_for(asked.cell):
                return self._configured(raw)
            waiting = _waiting(asked, claim)
        except ConfigError as error:
            trouble = error
        kept = self.as_given(claim.cell, claim.settings, store)
        return kept._replace(waiting=waiting, trouble=trouble)

    def as_given(self, cell: Cell, settings: Mapping[str, Any], store: Store) -> Opened:
        """Open a cell that is given, with the services and our own settings of the config."""
        provider = self.load(cell.mode)
        kept = config.parse_as(self.source.read(), provider.mode, cell, settings)
        return Opened(provider, store, kept)

    def store(self) -> Store:
        """Return where the cell's state is, which the config has a say in."""
        return self._open_store(self.source.read())

    def load(self, mode: str) -> Provider:
        """Return the provider of a mode, which is loaded once."""
        return self._kept.one(f"mode {mode}", mode, lambda: load_mode(mode))

    def _configured(self, raw: Mapping[str, Any]) -> Opened:
        provider = self.load(config.mode_name(raw))
        store = self._open_store(raw)
        taken = take_secrets(self.source, raw, store, self._root, provider.mode)
        return Opened(provider, store, config.parse(taken, provider.mode))

    def _open_store(self, raw: Mapping[str, Any]) -> Store:
        if self._store:
            return self._store
        group = config.read_settings(raw).files.group
        return self._kept.one("store", group, lambda: FileStore(self._root, group))


def _waiting(asked: Config, claim: Claim) -> str:
    cell, now = asked.cell, claim.cell
    return (
        f"The config asks for {cell.domain} in mode {cell.mode}; the cell is still {now.domain} "
        f"in mode {now.mode}, and is kept alive as that. Run `picdns up` to change it."
    )
