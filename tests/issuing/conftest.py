"""What tests of issuing share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from picdns_core.testing import FaultProxy, LocalInternet
from tests.issuing.ordering import Ordering


@pytest.fixture
def proxy(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """A proxy before the CA, to add faults to."""
    with local_internet.fault_proxy(local_internet.pebble.directory) as proxy:
        yield proxy


@pytest.fixture
def ordering(tmp_path: Path, local_internet: LocalInternet, proxy: FaultProxy) -> Ordering:
    """One who asks the CA through the proxy."""
    return Ordering(tmp_path, local_internet, proxy=proxy)
