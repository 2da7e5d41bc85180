"""A directory to run the command in, and a mode with settings and a secret."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picdns_core.testing import FaultProxy, LocalInternet

from .shell import Shell

PROVIDER = """
from typing import Annotated
from msgspec import Meta, Struct
from picdns_core import *

class Settings(Struct, frozen=True, kw_only=True):
    subdomain: Annotated[str, Meta(title="Subdomain", description="Yours there.")] = ""
    ttl: Annotated[int, Meta(title="TTL", description="In seconds.")] = 60

@hookimpl
def domain_mode():
    return DomainMode(
        name="demo", title="Demo", description="For tests.", settings=Settings, public=False,
        secrets=(SecretField(name="token", title="Token", description="From its web page."),),
    )

@hookimpl
def register(cell, secrets):
    assert secrets.get("token")
    return Registration(domain=cell.domain)

@hookimpl
def issue_cert(request, signer):
    return signer.sign(request)

@hookimpl
def teardown():
    return True
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty directory; signal handlers are as before at the end."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Shell(tmp_path / "cell")
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def cell(shell: Shell) -> Shell:
    """A configured lan cell without Caddy."""
    shell.init()
    return shell


@pytest.fixture
def demo_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> Iterator[None]:
    """An installed distribution whose mode has settings and a required secret."""
    site = tmp_path / "site"
    info = site / "picdns_demo-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "picdns_demo_mode.py").write_text(PROVIDER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: picdns-demo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[picdns.modes]\ndemo = picdns_demo_mode\n")
    monkeypatch.syspath_prepend(site)
    shell.environment["PYTHONPATH"] = str(site)
    yield
    sys.modules.pop("picdns_demo_mode", None)


@pytest.fixture
def faulty(local_internet: LocalInternet) -> Iterator[FaultProxy]:
    """A proxy before the CA."""
    proxy = local_internet.fault_proxy(local_internet.pebble.directory)
    yield proxy
    proxy.close()
