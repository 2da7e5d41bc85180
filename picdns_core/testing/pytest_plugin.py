"""pytest fixtures of the local internet; pytest finds them by their entry point.

pytest loads this module in every run of whoever has the package installed, so it imports nothing
but pytest until a fixture is used.

Where a server is not installed, the tests that need it are skipped with the command that gets it;
with `PICDNS_DEMAND_SERVERS=1` in the environment, as in CI, they fail.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from .caddy import Caddy
    from .internet import LocalInternet


class CaddyFactory(Protocol):
    """Starts Caddy on the ports of the local internet; see `LocalInternet.caddy`."""

    def __call__(
        self,
        caddyfile: Path | None = None,
        *,
        user: str | int | None = None,
        group: str | int | None = None,
    ) -> "Caddy": ...


@pytest.fixture(scope="session")
def local_internet() -> Iterator["LocalInternet"]:
    """A CA, a resolver and the zone `home.test`, running; shared by all tests of a session.

    Tests keep apart by using names of their own, or `new_pebble` where settings matter.
    """
    with _missing_is_told():
        from .internet import LocalInternet

        with LocalInternet() as net:
            net.start()
            yield net


@pytest.fixture
def caddy(local_internet: "LocalInternet") -> Iterator[CaddyFactory]:
    """A function that starts Caddy; what it started ends with the test."""
    with contextlib.ExitStack() as started:

        def start(
            caddyfile: Path | None = None,
            *,
            user: str | int | None = None,
            group: str | int | None = None,
        ) -> "Caddy":
            with _missing_is_told():
                server = local_internet.caddy(caddyfile, user=user, group=group)
            started.callback(server.close)
            return server

        yield start


@contextlib.contextmanager
def _missing_is_told() -> Iterator[None]:
    from .programs import ServerMissing

    try:
        yield
    except ServerMissing as missing:
        if os.environ.get("PICDNS_DEMAND_SERVERS") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
