"""Secrets, each in a file of its own that only we can read."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from picdns_core import config_secrets
from picdns_core.config import ConfigSource
from picdns_core.errors import StoreError
from picdns_core.hookspecs import Secrets
from picdns_core.model import DomainMode, SecretField
from picdns_core.secret import Secret
from picdns_core.store import atomic
from picdns_core.store.protocol import Store


class ModeSecrets:
    """What hooks get as `secrets`: those that the mode declares, and no others."""

    def __init__(
        self, store: Store, root: Path, mode: str, fields: tuple[SecretField, ...]
    ) -> None:
        self._store = store
        self._keys = {field.name: f"secrets/{mode}/{field.name}" for field in fields}
        self._files = {field.name: root / field.file for field in fields if field.file}
        self._root = root

    def get(self, name: str) -> Secret | None:
        file = self._files.get(name)
        data = _read(file) if file else self._store.get(self._keys[name])
        try:
            return Secret(data.decode().strip()) if data and data.strip() else None
        except UnicodeDecodeError:
            raise StoreError(
                f"{file or self._keys[name]} is not text.",
                hint="Restore it from a backup, or set the secret anew.",
            ) from None

    def put(self, name: str, value: Secret) -> None:
        data = value.reveal().encode()
        if file := self._files.get(name):
            atomic.make_directories(file.parent, below=self._root, mode=0o755)
            atomic.write(file, data, mode=0o600)
        else:
            self._store.put(self._keys[name], data)

    def delete(self, name: str) -> None:
        if file := self._files.get(name):
            atomic.remove(file)
        else:
            self._store.delete(self._keys[name])


class FormerSecrets(ModeSecrets):
    """What opens a name that the cell has left, beside what opens the one that it has now."""

    def __init__(self, store: Store, root: Path, mode: DomainMode, domain: str) -> None:
        self._folder = f"former/{mode.name}/{domain}"
        fields = tuple(replace(field, file=None) for field in mode.secrets)
        super().__init__(store, root, self._folder, fields)

    def exist(self) -> bool:
        """Say whether the name has secrets of its own; else those of the mode are good for it."""
        return bool(self._store.keys(f"secrets/{self._folder}"))

    def take(self, secrets: Secrets) -> None:
        """Keep what there is now for when the name is given back."""
        for name in self._keys:
            if value := secrets.get(name):
                self.put(name, value)

    def forget(self) -> None:
        """Remove them: the name was given back, or is the cell's own again."""
        for name in self._keys:
            self.delete(name)


def _read(file: Path) -> bytes | None:
    with atomic.explained(file):
        try:
            data = file.read_bytes()
            if file.stat().st_mode & 0o077:
                with suppress(PermissionError):  # it is the host's, and so is the care for it
                    file.chmod(0o600)
        except FileNotFoundError:
            return None
        return data


def own_secret(store: Store, root: Path, key: str) -> Secret | None:
    """Return one of `OWN_SECRETS` by its key in the config, None when it was not given."""
    folder, field = config_secrets.OWN_SECRETS[key]
    return ModeSecrets(store, root, folder, (field,)).get(field.name)


def keep_own_secret(store: Store, root: Path, key: str, value: Secret) -> None:
    """Keep one of `config_secrets.OWN_SECRETS`."""
    folder, field = config_secrets.OWN_SECRETS[key]
    ModeSecrets(store, root, folder, (field,)).put(field.name, value)


def take_secrets(
    source: ConfigSource, raw: Mapping[str, Any], store: Store, root: Path, mode: DomainMode
) -> Mapping[str, Any]:
    """Move secrets that stand in `raw`, as it was read, into files; return the config without."""
    found, own = config_secrets.secrets_in(raw, mode), config_secrets.own_secrets_in(raw)
    for name, value in found.items():
        ModeSecrets(store, root, mode.name, mode.secrets).put(name, Secret(value))
    for key, value in own.items():
        keep_own_secret(store, root, key, Secret(value))
    if not found and not own:
        return raw
    source.update(lambda newest: config_secrets.without_secrets(newest, found))
    return source.read()
