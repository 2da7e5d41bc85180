"""Secrets of one mode, each in a file of its own that only we can read."""

from picdns_core.errors import StoreError
from picdns_core.model import SecretField
from picdns_core.secret import Secret
from picdns_core.store.protocol import Store


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
