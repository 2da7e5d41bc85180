"""`propagation`: how long after the proof is in DNS the CA is told to look; `wall` is that time.

The zone follows two seconds after Cloudflare's API has confirmed. certbot-dns-cloudflare sleeps
ten seconds by its default, whatever DNS shows. certbot-dns-duckdns is not run: it does the same
with thirty (`DEFAULT_PROPAGATION_SECONDS`).
"""

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import dns.message
import dns.query
import dns.rdatatype

from benchmarks.arena import DOMAIN, Arena
from benchmarks.case import Case, Sample, Subject, Target, slower
from benchmarks.measure import SubjectFailed
from benchmarks.subjects import dns01
from picdns_core.testing import Fault, Zone
from picdns_core.testing.serving import Request

_PROPAGATION, _PAUSE, _VALUES = 2.0, 0.002, 2


class _Moments(Fault):
    """No fault, but a note of when requests came."""

    def __init__(self) -> None:
        self.noted: list[float] = []

    def before(self, request: Request) -> None:  # noqa: ARG002
        self.noted.append(time.monotonic())


def _run(arena: Arena, subject: dns01.Subject) -> list[Sample]:
    answered, over = _Moments(), threading.Event()
    with (
        dns01.zone_at_cloudflare(arena, propagation=_PROPAGATION) as cloudflare,
        arena.net.fault_proxy(arena.pebble.directory) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        proxy.on("POST", "/chalZ/", answered)
        directory = proxy.proxied(arena.pebble.directory)
        place = dns01.Place(arena, cloudflare, directory, arena.folder())
        shown = pool.submit(_shown, arena.net.zone(DOMAIN), over)
        try:
            sample = dns01.run(place, subject)
        finally:
            over.set()
        return [dataclasses.replace(sample, wall_s=answered.noted[0] - shown.result())]


def _shown(zone: Zone, over: threading.Event) -> float:
    """Return the last moment at which the name server was asked and did not show both values."""
    query = dns.message.make_query(f"_acme-challenge.{DOMAIN}", dns.rdatatype.TXT)
    [server] = zone.servers
    without = time.monotonic()
    while not over.wait(_PAUSE):
        asked = time.monotonic()
        reply = dns.query.udp(query, server.address, timeout=5, port=server.port)
        if sum(len(rrset) for rrset in reply.answer) >= _VALUES:
            return without
        without = asked
    raise SubjectFailed("The proofs of a run were never seen in DNS.")


CASE = Case(
    "propagation",
    (
        Subject("picdns", lambda arena: _run(arena, dns01.picdns), 5),
        Subject("certbot", lambda arena: _run(arena, dns01.certbot), 1),
    ),
    (
        Target("seconds from seen to answered", lambda rows: rows["picdns"].wall_s, 0.3),
        Target("times sooner than certbot", slower("certbot", "picdns"), 20, at_least=True),
    ),
)
