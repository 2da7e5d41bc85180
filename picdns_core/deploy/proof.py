"""Whether certificates are really served: each is probed, several at a time."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from picdns_core.deploy.deployment import Serving
from picdns_core.deploy.probe import served_serial
from picdns_core.store import Certificate

PATIENCE = 5.0
"""How many seconds a server may take to serve what it has accepted."""

_PARALLEL = 8
_FIRST_PAUSE, _PAUSE = 0.02, 0.5


def first_unserved(
    address: str, serving: Serving, patience: float = 0.0
) -> tuple[str, str | None] | None:
    """Probe `address` (host:port) for each, at most `patience` seconds for all; None when served.

    Else return the name that was asked for and the serial served for it, of the first that is
    not; the others are then not waited for.
    """
    deadline, asked = time.monotonic() + patience, list(probed(serving))

    def served(pair: tuple[str, Certificate]) -> str | None:
        return _await(address, pair[0], pair[1].meta.serial, deadline)

    if len(asked) <= 1:
        return _first_other(asked, map(served, asked))
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-probe") as pool:
        found = _first_other(asked, pool.map(served, asked))
        pool.shutdown(wait=False, cancel_futures=True)
        return found


def probed(serving: Serving) -> Iterator[tuple[str, Certificate]]:
    """Pair each certificate with a name that it is served for, if there still is such a service."""
    services = {*serving.cell.service_names, *serving.cell.internal_names}
    for one in serving.certificates:
        names = one.meta.names
        if any(name.startswith("*.") for name in names):
            yield names[0], one
        elif name := next((name for name in names if name in services), None):
            yield name, one


def _first_other(
    asked: Sequence[tuple[str, Certificate]], serials: Iterator[str | None]
) -> tuple[str, str | None] | None:
    for (name, one), serial in zip(asked, serials, strict=True):
        if serial != one.meta.serial:
            return name, serial
    return None


def _await(address: str, name: str, serial: str, deadline: float) -> str | None:
    """Probe until `serial` is served or it is too late; return what was served last."""
    pause = _FIRST_PAUSE
    while (served := served_serial(address, name)) != serial and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE)
    return served
