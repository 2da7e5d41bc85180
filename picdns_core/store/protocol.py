"""What any place for state must be able to do."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from picdns_core.model import CertFiles


class Store(Protocol):
    """Keeps bytes under keys such as `registrations/lan.json`; used by many threads at a time.

    What `put`, `delete` and `point` did is durable when they return, and each happens as a
    whole or not at all. All raise StoreError when they cannot.
    """

    def get(self, key: str) -> bytes | None:
        """Return what is kept under the key, None when nothing is."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data`, readable only by those whom the key's first part concerns."""

    def delete(self, key: str) -> None:
        """Forget the key and all below it; one that is not there is fine."""

    def keys(self, prefix: str) -> list[str]:
        """List the keys below `prefix`, sorted."""

    def stamp(self, key: str) -> int | None:
        """Return a number that is another one once something directly below the key has changed.

        None when nothing is there, or it has changed so lately that a further change might not
        show.
        """

    def point(self, lineage: str, generation: str | None) -> None:
        """Make `generation` the current one of its lineage, in one move; None for none."""

    def current(self, lineage: str) -> str | None:
        """Return the current generation of a lineage."""

    def files(self, lineage: str, generation: str) -> CertFiles:
        """Return local paths of one generation, for servers that read files."""

    @property
    def webroot(self) -> Path:
        """Return the local directory of what is kept under `webroot/`, likewise."""

    def lock(self, name: str, step: str, *, wait: float = 0) -> AbstractContextManager[None]:
        """Hold the lock of that name, across threads and processes, while doing `step`.

        Waits up to `wait` seconds, then raises Busy with the step of who holds it.
        """

    def sweep(self) -> None:
        """Remove what killed writers left, and mend what a restored backup has lost."""
