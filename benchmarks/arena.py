"""Where the subjects meet: one CA, one port for the proof, a folder on a real disk for each run."""

import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Self

from picdns_core.testing import LocalInternet, Pebble

DOMAIN = "home.test"


class Arena:
    """The local internet and scratch space; nothing is started before it is used."""

    def __init__(self, build: Path) -> None:
        """Put scratch space into `build`: /tmp may be memory, where a durable write is free."""
        build.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=build.absolute()))
        self._runs = 0
        self.net = LocalInternet()

    @cached_property
    def pebble(self) -> Pebble:
        """The CA of all subjects; its defaults are what this bench promises."""
        return self.net.start().pebble

    def folder(self) -> Path:
        """Make an empty folder for one run."""
        self._runs += 1
        folder = self._scratch / f"{self._runs:04d}"
        folder.mkdir()
        return folder

    def names(self, count: int) -> list[str]:
        """Return the names to get certificates for."""
        return [f"s{number}.{DOMAIN}" for number in range(count)]

    def asked(self) -> list[str]:
        """Return the endpoints that the CA was asked so far, in order."""
        return [path for _, path in self.pebble.requests()]

    def environment(self, **more: object) -> dict[str, str]:
        """Return an environment without what would lead some subjects elsewhere.

        PYTHONDONTWRITEBYTECODE would make a checkout be compiled anew by each process; installed
        packages are compiled once.
        """
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.lower().endswith(("_proxy", "_ca_bundle")) and not key.startswith("PYTHON")
        }
        return kept | {key: str(value) for key, value in more.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.net.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
