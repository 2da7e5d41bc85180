"""Secrets, each in a file of its own that only we can read."""

from collections.abc import Mapping
from typing import Any

from picdns_core import config
from picdns_core.config import ConfigSource
from picdns_core.errors import StoreError
from picdns_core.model import DomainMode, SecretField
from picdns_core.secret import Secret
from picdns_core.store.protocol import Store

EAB_KEY = SecretField(name="eab_hmac_key", title="HMAC key", description="Of the external account.")
"""The secret of `picdns.acme.eab`, kept as `secrets/acme/eab_hmac_key`."""


class ModeSecrets:
    """What hooks get as `secrets`: those that the mode declares, and no others."""

    def __init__(self, store: Store, mode: str, fields: tuple[SecretField, ...]) -> None:
        self._store = store
        self._keys = {field.name: f"secrets/{mode}/{field.name}" for field in fields}

    def get(self, name: str) -> Secret | None:
        key = self._keys[name]
        data = self._store.get(key)
        try:
            return None if data is None else Secret(data.decode().strip())
        except UnicodeDecodeError:
            raise StoreError(f"{key} is not text.", hint="Set the secret anew.") from None

    def put(self, name: str, value: Secret) -> None:
        self._store.put(self._keys[name], value.reveal().encode())


def take_secrets(
    source: ConfigSource, raw: Mapping[str, Any], store: Store, mode: DomainMode
) -> Mapping[str, Any]:
    """Move secrets that stand in `raw`, as it was read, into files; return the config without."""
    found, eab_key = config.secrets_in(raw, mode), config.eab_key_in(raw)
    for name, value in found.items():
        ModeSecrets(store, mode.name, mode.secrets).put(name, Secret(value))
    if eab_key:
        ModeSecrets(store, "acme", (EAB_KEY,)).put(EAB_KEY.name, Secret(eab_key))
    if not found and not eab_key:
        return raw
    source.update(lambda newest: config.without_secrets(newest, found))
    return source.read()
