"""The first step: a cell's identity and settings, checked and put into the config."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from picdns_core import config, config_secrets
from picdns_core.config import Config, ConfigSource
from picdns_core.errors import ConfigError
from picdns_core.hookspecs import Secrets
from picdns_core.model import DomainMode, Service
from picdns_core.plugins import load_mode
from picdns_core.secret import Secret
from picdns_core.store import FileStore, ModeSecrets
from picdns_core.store.secrets import keep_own_secret, take_secrets


def init(
    root: Path,
    source: ConfigSource,
    *,
    cell_name: str,
    mode_name: str,
    domain: str | None = None,
    services: Sequence[Service] = (),
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Secret] | None = None,
) -> Config:
    """Write who the cell is; nothing is asked of anybody, and twice changes nothing.

    `settings` go to `ddns`, or to `picdns` where a key begins with it; a dot goes one level
    down. `secrets` are the mode's, and our own by their whole keys, as `picdns.notify.urls`; the
    section that such a one is for is made. What is not given stays as it is, but what only
    another mode can have meant goes with it. ConfigError names what is wrong, and then nothing
    was written.
    """
    mode = load_mode(mode_name).mode
    secrets = dict(secrets or {})
    own = {key: secrets.pop(key) for key in config_secrets.OWN_SECRETS if key in secrets}
    parsed: list[Config] = []

    def change(raw: dict[str, Any]) -> None:
        describe(raw, mode, cell_name=cell_name, domain=domain, settings=settings or {})
        if services:
            raw["services"] = [{"name": one.name, "upstream": one.upstream} for one in services]
        for key in own:
            _place(raw, key, key.split(".")[:-1])
        parsed.append(config.parse(raw, mode))
        kept = ModeSecrets(_store(root, parsed[-1]), root, mode.name, mode.secrets)
        check_secrets(mode, kept, {*config_secrets.secrets_in(raw, mode), *secrets})

    source.update(change)
    store = _store(root, parsed[-1])
    for name, secret in secrets.items():
        ModeSecrets(store, root, mode.name, mode.secrets).put(name, secret)
    take_secrets(source, source.read(), store, root, mode)
    for key, secret in own.items():
        keep_own_secret(store, root, key, secret)
    return parsed[-1]


def describe(
    raw: dict[str, Any],
    mode: DomainMode,
    *,
    cell_name: str | None,
    domain: str | None,
    settings: Mapping[str, Any],
) -> None:
    """Let a config say that the cell is in this mode; a name that is None stays as it is.

    A domain that only followed from the name goes with it.
    """
    if raw.get("domain_mode") not in (None, mode.name):
        _leave_mode(raw, mode)
    if cell_name is not None:
        followed = f"{raw.get('cell_name')}.{mode.domain_suffix}"
        if cell_name != raw.get("cell_name") and raw.get("domain_name") == followed:
            raw.pop("domain_name")
        raw["cell_name"] = cell_name
    raw["domain_mode"] = mode.name
    if domain is not None:
        raw["domain_name"] = domain
    for key, value in settings.items():
        _put(raw, key, value)


def _leave_mode(raw: dict[str, Any], mode: DomainMode) -> None:
    """Remove what another mode has left under the names of this one's settings.

    An `api_url` that stayed would get the token of this mode's service.
    """
    if isinstance(ddns := raw.get("ddns"), dict):
        for entry in msgspec.structs.fields(mode.settings):
            ddns.pop(entry.encode_name, None)
    if mode.domain_suffix and not config.fits(str(raw.get("domain_name")), mode):
        raw.pop("domain_name", None)


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    path = key.split(".") if key.split(".")[0] == "picdns" else ["ddns", *key.split(".")]
    if not all(path):
        raise ConfigError(key, "has an empty part.", hint="As picdns.acme.email.")
    *parents, last = path
    _place(raw, key, parents)[last] = value


def _place(raw: dict[str, Any], key: str, parents: Sequence[str]) -> dict[str, Any]:
    """Find the section for a key, or make it."""
    place = raw
    for parent in parents:
        if place.get(parent) is None:
            place[parent] = {}
        place = place[parent]
        if not isinstance(place, dict):
            raise ConfigError(key, f"{parent} is not an object.", hint="Correct it in the config.")
    return place


def check_secrets(mode: DomainMode, kept: Secrets, given: Collection[str]) -> None:
    """Raise ConfigError where a secret is given that the mode has not, or one is missing."""
    known = [field.name for field in mode.secrets if not field.issued]
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ConfigError(name, f"is no secret of {mode.name}.", hint=f"It has: {listed}.")
    if any(field.issued and kept.get(field.name) for field in mode.secrets):
        return
    for field in mode.secrets:
        if field.required and not (field.name in given or kept.get(field.name)):
            raise ConfigError(
                field.name,
                f"is missing: {field.description}",
                hint=f"Give it with --secret {field.name}=@FILE.",
            )


def _store(root: Path, parsed: Config) -> FileStore:
    return FileStore(root, parsed.picdns.files.group)
