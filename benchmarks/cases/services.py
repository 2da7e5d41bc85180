"""`services`: one of 500 services comes or goes; Caddy and CoreDNS serve it, and that is proven.

The floor is a bare script that sends Caddy the same Caddyfile and looks at one certificate. In
`http01` each service has a certificate of its own, which is probed; `look` is a look at them when
nothing has changed. What is timed is the deployment alone: no certificate is asked for.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.arena import Arena
from benchmarks.case import Case, Missing, Sample, Subject, Target, slower
from benchmarks.measure import measure
from picdns_core.testing import ServerMissing

_SCRIPT = Path(__file__).parents[1] / "subjects" / "services.py"
_LAPS = 7


def _with_caddy(arena: Arena, what: str) -> list[Sample]:
    folder = arena.folder()
    with arena.net.caddy(folder / "config/caddy/Caddyfile") as caddy:
        ports = {"http_port": caddy.http_port, "https_port": caddy.https_port}
        return _laps(arena, folder, what, {"admin": caddy.admin} | ports)


def _with_coredns(arena: Arena) -> list[Sample]:
    folder = arena.folder()
    try:
        server = arena.net.coredns(folder / "config/coredns/Corefile")
    except ServerMissing as error:
        raise Missing(str(error)) from None
    with server:
        settings = {
            "vpn_address": "10.8.0.1",
            "vpn_networks": ["127.0.0.0/8"],
            "upstreams": [arena.net.unbound.resolver],
            "listen": [server.address],
            "port": server.port,
            "probe": server.probe,
            "pid": server.pid,
        }
        return _laps(arena, folder, "coredns", settings)


def _laps(arena: Arena, folder: Path, what: str, settings: dict[str, Any]) -> list[Sample]:
    command = [sys.executable, _SCRIPT, folder, what, str(_LAPS), json.dumps(settings)]
    whole = measure(list(map(str, command)), arena.environment(), folder)
    laps = json.loads((folder / "printed").read_text())
    return [Sample(wall, cpu, whole.peak_rss_mib) for wall, cpu in laps]


CASE = Case(
    "services",
    (
        Subject("floor", lambda arena: _with_caddy(arena, "floor"), 2),
        Subject("picdns", lambda arena: _with_caddy(arena, "picdns"), 2),
        Subject("http01", lambda arena: _with_caddy(arena, "http01"), 2),
        Subject("look", lambda arena: _with_caddy(arena, "look"), 2),
        Subject("coredns", _with_coredns, 2),
    ),
    (
        Target("s until Caddy serves", lambda rows: rows["picdns"].wall_s, 1),
        Target("s with 500 certificates", lambda rows: rows["http01"].wall_s, 2),
        Target("s until CoreDNS answers", lambda rows: rows["coredns"].wall_s, 1),
        Target("times a bare script's time", slower("picdns", "floor"), 1.5),
    ),
)
