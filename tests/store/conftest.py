"""A root directory, its store, and what can be done to them only by root."""

import json
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from picdns_core.store import FileStore
from tests.store import processes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(root: Path) -> FileStore:
    return FileStore(root)


@pytest.fixture
def cell(root: Path) -> Path:
    """A root directory with the config of a cell in mode lan."""
    config = root / "config/api/cell_config.json"
    config.parent.mkdir(parents=True)
    names = ("files", "mail", "photos")
    services = [{"name": name, "upstream": "127.0.0.1:1"} for name in names]
    config.write_text(json.dumps({"cell_name": "home", "domain_mode": "lan", "services": services}))
    return root


@pytest.fixture(scope="session")
def group() -> int:
    """A group that our files are not in by themselves; only root, or luck, has one."""
    if os.geteuid() == 0:
        return 12345
    return next((one for one in os.getgroups() if one != os.getegid()), os.getegid())


@pytest.fixture
def ordinary() -> Iterator[tuple[Path, processes.Under]]:
    """A root directory that somebody else owns, and how to be that user."""
    with tempfile.TemporaryDirectory() as path:
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        yield Path(path), [partial(processes.as_user, 65534)] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where this process may not mount anything."""
    try:
        path = tmp_path_factory.mktemp("mount")
        processes.run(os.getpid, under=[partial(processes.tiny_disk, path)])
    except (OSError, CalledProcessError) as error:
        pytest.skip(f"needs root, or CAP_SYS_ADMIN, to mount a file system: {error}")
