"""What a switch was asked for, seen as the cell that it would make."""

from collections.abc import Mapping
from typing import Any

import msgspec

from picdns_core import config, config_secrets
from picdns_core.config import Config
from picdns_core.opening import Opener
from picdns_core.secret import Secret
from picdns_core.store import Store
from picdns_core.store.registrations import Claim, Registrations
from picdns_core.store.switches import Change
from picdns_core.switching import wish


class Asked:
    """The config as it would be, what it is told for that, and the secrets that come with it."""

    def __init__(self, opener: Opener, change: Change, given: Mapping[str, Secret]) -> None:
        """Read the config; ConfigError when it would describe no cell."""
        raw: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(opener.source.read()))
        mode = opener.load(change.mode or config.mode_name(raw)).mode
        found = {key: Secret(value) for key, value in config_secrets.secrets_in(raw, mode).items()}
        if change.mode and raw.get("domain_mode") != mode.name:
            found = {}  # of another mode
        wish.apply(change, raw, mode)
        self.change = change
        self.config: Config = config.parse(raw, mode)
        self.secrets: dict[str, Secret] = {**found, **given}

    @classmethod
    def by(cls, opener: Opener, store: Store, mode: str, settings: Mapping[str, Any]) -> "Asked":
        """Read what somebody gave, beside what is held in that mode from an earlier time."""
        wanted, known = opener.load(mode).mode, Registrations(store)
        held = None if known.in_force() == mode else known.get(mode)
        return cls(opener, *wish.read(wanted, settings, held))

    @classmethod
    def configured(cls, opener: Opener) -> "Asked":
        """Take the config as it is."""
        mode = opener.load(config.mode_name(opener.source.read())).mode
        names = tuple(field.name for field in mode.secrets if not field.issued)
        return cls(opener, Change(secrets=names), {})

    def is_for(self, claim: Claim) -> bool:
        """Say whether a claim is on this cell's name, in this mode."""
        cell = self.config.cell
        return claim.cell.mode == cell.mode and claim.is_for(cell)

    def is_as(self, claim: Claim) -> bool:
        """Say whether the cell of a claim is so already, settings and all."""
        if claim.pending or not self.is_for(claim):
            return False
        settings = self.config.settings
        return bool(msgspec.convert(claim.settings, type(settings)) == settings)
