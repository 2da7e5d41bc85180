"""A cell of 500 services goes live: `services.py ROOT WHAT LAPS SETTINGS`; prints laps as JSON.

`floor` sends Caddy the same Caddyfile and looks at one certificate; `picdns` has a certificate for
all public names, `http01` one for each; `look` only sees that those are live; `coredns` answers
them inside. In each lap one service comes or goes; the first is not counted, as it is cold.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from picdns_core import pem
from picdns_core.deploy.caddyfile import render
from picdns_core.deploy.coredns import SplitHorizon
from picdns_core.deploy.deployment import Serving
from picdns_core.deploy.live import CaddyDeployment
from picdns_core.deploy.probe import served_serial
from picdns_core.model import Cell, Service
from picdns_core.settings import CaddySettings, CoreDnsSettings
from picdns_core.store import Certificate, CertMeta, FileStore, Lineages

_COUNT = 500
_DOMAIN = "home.test"
_CELLS = [
    Cell(
        name="home",
        mode="http01",
        domain=_DOMAIN,
        services=tuple(Service(name=f"s{n}", upstream="127.0.0.1:8080") for n in range(count)),
    )
    for count in (_COUNT, _COUNT - 1)
]


def main(root: str, what: str, laps: str, settings: str) -> None:
    """Do it so often, and print the seconds and CPU seconds of each time but the first."""
    lap = _WHAT[what](Path(root), json.loads(settings))
    print(json.dumps([_timed(lap, number) for number in range(int(laps) + 1)][1:]))


def _timed(lap: Callable[[int], None], number: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    lap(number)
    return time.perf_counter() - wall, time.process_time() - cpu


def _floor(root: Path, settings: dict[str, Any]) -> Callable[[int], None]:
    caddy, [wildcard, *_] = _caddy(settings), (certificates := list(_wildcard(FileStore(root))))
    servings = [[Serving(cell, tuple(certificates))] for cell in _CELLS]
    texts = [render(one, caddy, str(root), lambda path: path) for one in servings]
    session, probe = requests.Session(), f"127.0.0.1:{caddy.https_port}"
    session.trust_env = False

    def lap(number: int) -> None:
        headers = {"Content-Type": "text/caddyfile"}
        url = f"http://{caddy.admin}/load"
        session.post(url, texts[number % 2], headers=headers, timeout=60).raise_for_status()
        assert served_serial(probe, _DOMAIN) == wildcard.meta.serial

    return lap


def _picdns(root: Path, settings: dict[str, Any]) -> Callable[[int], None]:
    return _deploying(root, settings, _wildcard)


def _http01(root: Path, settings: dict[str, Any]) -> Callable[[int], None]:
    return _deploying(root, settings, _one_by_one)


def _deploying(
    root: Path, settings: dict[str, Any], made: Callable[[FileStore], Iterator[Certificate]]
) -> Callable[[int], None]:
    store = FileStore(root)
    certificates = tuple(made(store))
    deployment = CaddyDeployment(root, store, _caddy(settings))
    return lambda number: deployment.go_live([Serving(_CELLS[number % 2], certificates)])


def _look(root: Path, settings: dict[str, Any]) -> Callable[[int], None]:
    store = FileStore(root)
    deployment = CaddyDeployment(root, store, _caddy(settings))
    servings = [Serving(_CELLS[0], tuple(_one_by_one(store)))]
    deployment.go_live(servings)

    def lap(_: int) -> None:
        assert deployment.is_live(servings)

    return lap


def _coredns(root: Path, settings: dict[str, Any]) -> Callable[[int], None]:
    pid = settings.pop("pid")
    horizon = SplitHorizon(
        root,
        FileStore(root),
        msgspec.convert(settings, CoreDnsSettings),
        lambda: os.kill(pid, signal.SIGUSR1),
    )
    return lambda number: horizon.go_live([_CELLS[number % 2]])


_WHAT = {"floor": _floor, "picdns": _picdns, "http01": _http01, "look": _look, "coredns": _coredns}


def _caddy(settings: dict[str, Any]) -> CaddySettings:
    return msgspec.convert(settings, CaddySettings)


def _wildcard(store: FileStore) -> Iterator[Certificate]:
    yield _certificate(store, _DOMAIN, _DOMAIN, f"*.{_DOMAIN}")
    yield _certificate(store, "internal", *_CELLS[0].internal_names)


def _one_by_one(store: FileStore) -> Iterator[Certificate]:
    for name in _CELLS[0].service_names:
        yield _certificate(store, name, name)
    yield from islice(_wildcard(store), 1, None)


def _certificate(store: FileStore, lineage: str, *names: str) -> Certificate:
    """Make one that nobody trusts, as good as any to be served."""
    key, now = pem.new_key("ec256"), datetime.now(UTC)
    called, alternative = x509.Name([]), [x509.DNSName(one) for one in names]
    leaf = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=True)
        .sign(key, hashes.SHA256())
    )
    meta = CertMeta(
        names=names,
        issuer="nobody",
        serial=pem.serial_hex(leaf),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        renew_at=leaf.not_valid_after_utc,
        mode="http01",
        source="signer:nobody",
    )
    lineages = Lineages(store)
    lineages.begin(lineage, "000001", pem.dump_key(key))
    return lineages.finish(lineage, "000001", leaf.public_bytes(Encoding.PEM), meta)


main(*sys.argv[1:])
