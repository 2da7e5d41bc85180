"""A fresh process that knows of a claim only what the core keeps on disk.

Run as a module, it reads an `Errand` as JSON from its input and does what it says.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from picdns_core import Registration, TxtRecord

from .tenant import Tenant
from .verdict import require

_PATIENCE = 60.0


class Errand(Struct, frozen=True, kw_only=True):
    """Who the cell is, and what is to be done for it."""

    mode: str
    domain: str
    settings: dict[str, Any]
    secrets: dict[str, str]
    ca_bundle: str
    registration: Registration
    act: Literal["withdraw", "teardown"]
    record: TxtRecord | None = None


def withdraw(tenant: Tenant, registration: Registration, record: TxtRecord) -> None:
    """Withdraw a record in a fresh process."""
    _send(_errand(tenant, registration, "withdraw", record))


def teardown(tenant: Tenant, registration: Registration) -> None:
    """Give the name back in a fresh process."""
    _send(_errand(tenant, registration, "teardown"))


def _errand(
    tenant: Tenant,
    registration: Registration,
    act: Literal["withdraw", "teardown"],
    record: TxtRecord | None = None,
) -> Errand:
    return Errand(
        mode=tenant.mode.name,
        domain=tenant.cell.domain,
        settings=msgspec.to_builtins(tenant.settings),
        secrets=tenant.secrets.values,
        ca_bundle=str(tenant.ca_bundle),
        registration=registration,
        act=act,
        record=record,
    )


def _send(errand: Errand) -> None:
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=msgspec.json.encode(errand),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    require(
        done.returncode == 0,
        f"{errand.act} failed in a process that did not register or publish:\n"
        f"{done.stderr.decode()}",
        "work from registration.notes and what the service tells, not from memory.",
    )


def _run(errand: Errand) -> None:
    tenant = Tenant(
        errand.mode, errand.domain, errand.settings, errand.secrets, Path(errand.ca_bundle)
    )
    if errand.act == "teardown":
        tenant.teardown(errand.registration)
        return
    with tenant.publisher(errand.registration) as publisher:
        if publisher and errand.record:
            publisher.withdraw(errand.record)


if __name__ == "__main__":
    _run(msgspec.json.decode(sys.stdin.buffer.read(), type=Errand))
