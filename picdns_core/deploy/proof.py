"""Whether certificates are really served: each is probed, several at a time."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from picdns_core.deploy.probe import served_serial
from picdns_core.store import Certificate

PATIENCE = 5.0
"""How many seconds a server may take to serve what it has accepted."""

_PARALLEL = 8
_FIRST_PAUSE, _PAUSE = 0.02, 0.5


def first_unserved(
    address: str, certificates: Sequence[Certificate], patience: float = 0.0
) -> tuple[str, str | None] | None:
    """Probe `address` (host:port) for each, at most `patience` seconds for all; None when served.

    Else return the name that was asked for and the serial served for it, of the first that is
    not; the others are then not waited for.
    """
    deadline = time.monotonic() + patience

    def served(one: Certificate) -> str | None:
        return _await(address, one.meta.names[0], one.meta.serial, deadline)

    if len(certificates) <= 1:
        return _first_other(certificates, map(served, certificates))
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="picdns-probe") as pool:
        found = _first_other(certificates, pool.map(served, certificates))
        pool.shutdown(wait=False, cancel_futures=True)
        return found


def _first_other(
    certificates: Sequence[Certificate], serials: Iterator[str | None]
) -> tuple[str, str | None] | None:
    for one, serial in zip(certificates, serials, strict=True):
        if serial != one.meta.serial:
            return one.meta.names[0], serial
    return None


def _await(address: str, name: str, serial: str, deadline: float) -> str | None:
    """Probe until `serial` is served or it is too late; return what was served last."""
    pause = _FIRST_PAUSE
    while (served := served_serial(address, name)) != serial and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE)
    return served
