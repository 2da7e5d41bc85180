"""State of a cell that is yet to be in force, beside that of the one that is."""

from contextlib import AbstractContextManager
from pathlib import Path

from picdns_core.model import CertFiles, DomainMode
from picdns_core.secret import Secret
from picdns_core.store.protocol import Store
from picdns_core.store.secrets import ModeSecrets

_IN_FORCE = "cell.json"
_APART = ("registrations", "secrets", "schedule/addresses.json", _IN_FORCE)
_GONE = b""  # what is staged where something is to be removed
_ROOT, _ROOT_KEY = "secrets/ca/root.pem", "secrets/ca/privkey.pem"


class Staging:
    """A Store through which claims, secrets and what is published are written beside the real ones.

    All else, as certificates, is the real store's. Nothing that is staged is seen by others before
    `apply`, and `drop` leaves no trace of it.
    """

    def __init__(self, store: Store) -> None:
        self.real = store

    def get(self, key: str) -> bytes | None:
        data = self.staged(key)
        return self.real.get(key) if data is None else data or None

    def staged(self, key: str) -> bytes | None:
        """Return what is staged under a key: empty where it is to be removed, None for nothing."""
        return self.real.get(_beside(key)) if _is_apart(key) else None

    def put(self, key: str, data: bytes) -> None:
        self.real.put(_beside(key) if _is_apart(key) else key, data)

    def delete(self, key: str) -> None:
        if not _is_apart(key):
            self.real.delete(key)
        elif self.real.get(key) is None:
            self.real.delete(_beside(key))
        else:
            self.real.put(_beside(key), _GONE)

    def keys(self, prefix: str) -> list[str]:
        real = set(self.real.keys(prefix))
        if not _is_apart(prefix):
            return sorted(real)
        staged = [key.removeprefix("switch/") for key in self.real.keys(_beside(prefix))]
        return sorted(key for key in real.union(staged) if self.get(key) is not None)

    def stamp(self, key: str) -> int | None:
        return self.real.stamp(key)

    def point(self, lineage: str, generation: str | None) -> None:
        self.real.point(lineage, generation)

    def current(self, lineage: str) -> str | None:
        return self.real.current(lineage)

    def files(self, lineage: str, generation: str) -> CertFiles:
        return self.real.files(lineage, generation)

    @property
    def webroot(self) -> Path:
        return self.real.webroot

    def lock(self, name: str, step: str, *, wait: float = 0) -> AbstractContextManager[None]:
        return self.real.lock(name, step, wait=wait)

    def sweep(self) -> None:
        self.real.sweep()

    def secrets(self, root: Path, mode: DomainMode) -> "StagedSecrets":
        """Return the secrets of a mode as they will be."""
        return StagedSecrets(self, ModeSecrets(self.real, root, mode.name, mode.secrets), mode)

    def apply(self, secrets: "StagedSecrets") -> None:
        """Make all that is staged real, these secrets first; safe to be done again after a kill."""
        with self.real.lock("cell", "putting a switch into force", wait=10):
            secrets.apply()
            staged = [key.removeprefix("switch/") for key in self.real.keys("switch")]
            # At no moment do the two files belong to different roots.
            if {_ROOT, _ROOT_KEY}.issubset(staged):
                self.real.delete(_ROOT)
            gone = []
            for key in sorted(staged, key=lambda key: (key == _IN_FORCE, key)):
                if secrets.has(key):
                    continue
                if data := self.staged(key):
                    self.real.put(key, data)
                else:
                    gone.append(key)  # once nobody needs it any more
            for key in gone:
                self.real.delete(key)
        self.drop()

    def drop(self, below: str = "") -> None:
        """Forget what is staged, or what is so below a key."""
        self.real.delete(f"switch/{below}".rstrip("/"))


class StagedSecrets:
    """The secrets of one mode, beside those that are in force; also where a host keeps them."""

    def __init__(self, staging: Staging, real: ModeSecrets, mode: DomainMode) -> None:
        self._staging = staging
        self._real = real
        self._keys = {field.name: f"secrets/{mode.name}/{field.name}" for field in mode.secrets}

    def get(self, name: str) -> Secret | None:
        data = self._staging.staged(self._keys[name])
        if data is None:
            return self._real.get(name)
        return Secret(data.decode()) if data else None

    def put(self, name: str, value: Secret) -> None:
        self._staging.put(self._keys[name], value.reveal().encode())

    def delete(self, name: str) -> None:
        self._staging.put(self._keys[name], _GONE)

    def has(self, key: str) -> bool:
        """Say whether a key of the store is one of these."""
        return key in self._keys.values()

    def apply(self) -> None:
        """Make them real."""
        for name, key in self._keys.items():
            data = self._staging.staged(key)
            if data:
                self._real.put(name, Secret(data.decode()))
            elif data is not None:
                self._real.delete(name)


def _is_apart(key: str) -> bool:
    return any(key == top or key.startswith(f"{top}/") for top in _APART)


def _beside(key: str) -> str:
    return f"switch/{key}"
