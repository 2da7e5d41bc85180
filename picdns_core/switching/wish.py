"""What a switch was asked for, checked and told apart: what the config is told, and secrets."""

from collections.abc import Mapping
from typing import Any

import msgspec

from picdns_core import config_secrets, setup
from picdns_core.errors import ConfigError
from picdns_core.model import DomainMode
from picdns_core.secret import Secret
from picdns_core.store.registrations import Claim
from picdns_core.store.switches import Change

_IDENTITY = ("cell_name", "domain_name")


def read(
    mode: DomainMode, settings: Mapping[str, Any], held: Claim | None
) -> tuple[Change, dict[str, Secret]]:
    """Tell settings and secrets apart; ConfigError for what the mode does not know.

    So no secret of another mode, given by mistake, gets into the config in clear. What is not
    given is taken from `held`, what the cell still holds in that mode from an earlier time.
    """
    if held:
        settings = {**_as_held(mode, held, settings), **settings}
    of_mode = [entry.encode_name for entry in msgspec.structs.fields(mode.settings)]
    secrets = [field.name for field in mode.secrets if not field.issued]
    known = [*of_mode, *secrets, *_IDENTITY, *(["subdomain"] if mode.domain_suffix else [])]
    kept: dict[str, Any] = {}
    given: dict[str, Secret] = {}
    for key, value in settings.items():
        if key in secrets:
            given[key] = _secret(key, value)
        elif key in known or (key.startswith("picdns.") and key not in config_secrets.OWN_SECRETS):
            kept[key] = value
        else:
            raise ConfigError(
                key, f"is no setting of {mode.name}.", hint=f"It has: {', '.join(known)}."
            )
    name, domain = (_text(key, kept.pop(key, None)) for key in _IDENTITY)
    change = Change(mode=mode.name, name=name, domain=domain, settings=kept, secrets=tuple(secrets))
    return change, given


def _as_held(mode: DomainMode, held: Claim, given: Mapping[str, Any]) -> dict[str, Any]:
    usual = {one.encode_name: one.default for one in msgspec.structs.fields(mode.settings)}
    kept = {key: value for key, value in held.settings.items() if usual.get(key) != value}
    if not any(key in given for key in _IDENTITY):
        kept |= {"cell_name": held.cell.name, "domain_name": held.cell.domain}
    return kept


def apply(change: Change, raw: dict[str, Any], mode: DomainMode) -> None:
    """Tell the config; twice changes nothing."""
    if change.mode:
        setup.describe(
            raw, mode, cell_name=change.name, domain=change.domain, settings=change.settings
        )
    for name in change.secrets:
        if isinstance(ddns := raw.get("ddns"), dict):
            ddns.pop(name, None)


def _secret(key: str, value: Any) -> Secret:
    if isinstance(value, str):
        value = Secret(value.strip())
    if not isinstance(value, Secret) or not value.reveal():
        raise ConfigError(key, "expected a text that is not empty.", hint="It is a secret.")
    return value


def _text(key: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise ConfigError(key, "expected a text that is not empty.", hint="As `home`.")
