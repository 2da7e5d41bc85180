"""`tick`: a look after a cell at which nothing has changed, as there are 288 of a day.

Both tasks, in a process that looks again and again; every twelfth tick also sees whether Caddy
serves the newest certificates. Counted is what was asked of anybody, the most of any one tick:
`CA asked` is of renewal information, `API asked` of the service that publishes the addresses,
`DNS asked` of the zone's only name server, `echo asked` of the operators who tell the addresses.
There is no peer: clients of dynamic DNS neither look at the zone nor after a certificate.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.arena import DOMAIN, Arena
from benchmarks.case import Case, Row, Rows, Sample, Subject, Target
from benchmarks.measure import SubjectFailed
from picdns_core.testing import Echoes
from picdns_core.testing.services.cloudflare import Cloudflare
from picdns_core.testing.services.duckdns import DuckDns
from picdns_core.testing.services.pic_ngo import PicNgo

_SCRIPT = Path(__file__).parents[1] / "subjects" / "ticks.py"
_WARM_UP, _TICKS = 15, 96  # a look at Caddy is among the first
_HOME = ("203.0.113.7", "2001:db8::7")
_SERVICES = ("files", "photos", "mail")


class _Place(NamedTuple):
    """A cell, and all who are asked when it is looked after."""

    arena: Arena
    root: Path
    service: Cloudflare | DuckDns | PicNgo
    echoes: Echoes

    def asked(self) -> tuple[int, int, int]:
        """Count what the CA, the service and the operators were asked so far."""
        return len(self.arena.asked()), len(self.service.requests), len(self.echoes.asked)


def _cloudflare(arena: Arena, label: str) -> tuple[Cloudflare, dict[str, Any]]:
    service = arena.net.cloudflare(DOMAIN)
    ddns = {"api_url": service.api_url, "token": service.default_token}
    return service, {"domain_name": f"{label}.{DOMAIN}", "ddns": ddns}


def _duckdns(arena: Arena, label: str) -> tuple[DuckDns, dict[str, Any]]:
    service = arena.net.duckdns()
    ddns = {"api_url": service.url, "token": service.account(label)}
    return service, {"domain_name": f"{label}.duckdns.org", "ddns": ddns}


def _pic_ngo(arena: Arena, label: str) -> tuple[PicNgo, dict[str, Any]]:
    service = arena.net.pic_ngo()
    service.also_global = ["203.0.113.0/24", "2001:db8::/32"]
    ddns = {"api_url": service.url, "totp_secret": service.totp_secret}
    return service, {"domain_name": f"{label}.pic.ngo", "ddns": ddns}


_MODES: dict[str, Callable[[Arena, str], tuple[Any, dict[str, Any]]]] = {
    "cloudflare": _cloudflare,
    "duckdns": _duckdns,
    "pic_ngo": _pic_ngo,
}


def _run(arena: Arena, mode: str) -> list[Sample]:
    with _cell(arena, mode) as place, _looking_after(place) as tick:
        for _ in range(_WARM_UP):
            tick()
        before = [place.asked()]
        ticks = []
        for _ in range(_TICKS):
            ticks.append(tick())
            before.append(place.asked())
    if did := [one for told in ticks for one in told["did"]]:
        raise SubjectFailed(f"{mode}: nothing had changed, and yet: {'; '.join(did)}")
    ca, api, echo = (
        max(after - before for before, after in pairwise(counts))
        for counts in zip(*before, strict=True)
    )
    questions = max(told["took"].pop("dns_questions") for told in ticks)
    return [
        Sample(
            **told["took"],
            requests=ca,
            api_requests=api,
            dns_questions=questions,
            echo_requests=echo,
        )
        for told in ticks
    ]


@contextmanager
def _cell(arena: Arena, mode: str) -> Iterator[_Place]:
    """Make a cell that finds its addresses, with a name of its own and a Caddy."""
    root = arena.folder()
    label = f"cell-{root.name}"
    service, named = _MODES[mode](arena, label)
    echoes = arena.net.echoes()
    echoes.see(ipv4=_HOME[0], ipv6=_HOME[1])
    with service, arena.net.caddy(root / "Caddyfile") as caddy:
        settings = arena.net.settings(arena.pebble, echoes=echoes)
        settings["caddy"] = {
            "caddyfile": "Caddyfile",
            "admin": caddy.admin,
            "http_port": caddy.http_port,
            "https_port": caddy.https_port,
        }
        services = [{"name": name, "upstream": "127.0.0.1:8080"} for name in _SERVICES]
        config = {"cell_name": label, "domain_mode": mode, **named}
        file = root / "config/api/cell_config.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(config | {"services": services, "picdns": settings}, indent=2))
        try:
            yield _Place(arena, root, service, echoes)
        finally:
            echoes.close()


@contextmanager
def _looking_after(place: _Place) -> Iterator[Callable[[], dict[str, Any]]]:
    """Start the process; what is yielded makes it tick once, and returns what it says."""
    command = [sys.executable, str(_SCRIPT), str(place.root), str(place.arena.net.dns_port)]
    printed = place.root / "printed"
    with (
        printed.open("wb") as errors,
        subprocess.Popen(
            command,
            env=place.arena.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield lambda: _ask(process.stdin, process.stdout, printed)


def _ask(asks: IO[str] | None, answers: IO[str] | None, printed: Path) -> dict[str, Any]:
    assert asks
    assert answers
    asks.write("\n")
    asks.flush()
    if not (line := answers.readline()):
        raise SubjectFailed(f"`{_SCRIPT.name}` has ended:\n  {printed.read_text()[-2000:]}")
    told: dict[str, Any] = json.loads(line)
    return told


def _most(count: Callable[[Row], int | None]) -> Callable[[Rows], float]:
    return lambda rows: max(count(row) or 0 for row in rows.values())


CASE = Case(
    "tick",
    (
        Subject("picdns", lambda arena: _run(arena, "cloudflare"), 3),
        Subject("duckdns", lambda arena: _run(arena, "duckdns"), 2),
        Subject("pic_ngo", lambda arena: _run(arena, "pic_ngo"), 2),
    ),
    (
        Target("ms of CPU", lambda rows: 1000 * rows["picdns"].cpu_s, 10),
        Target("update calls in any mode", _most(lambda row: row.api_requests), 0),
        Target(
            "questions to a name server, of each family", _most(lambda row: row.dns_questions), 2
        ),
        Target(
            "small requests, the CA's among them",
            _most(lambda row: (row.requests or 0) + (row.echo_requests or 0)),
            3,
        ),
    ),
)
