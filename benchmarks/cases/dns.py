"""`dns`: one certificate for a domain and all names below it, proven at Cloudflare.

From a process that has just begun, the account included; the zone follows at once. picdns also
rehearses at Cloudflare, finds the name server by itself and writes durably. certbot sleeps ten
seconds by its default; `certbot, 0 s` is told not to, as suits only such a zone.
"""

from benchmarks.arena import Arena
from benchmarks.case import Case, Sample, Subject, Target, more_requests, slower
from benchmarks.subjects import dns01

_UNSLEEPING = "certbot, 0 s"


def _run(arena: Arena, subject: dns01.Subject) -> list[Sample]:
    directory = arena.pebble.directory
    with dns01.zone_at_cloudflare(arena) as cloudflare:
        return [dns01.run(dns01.Place(arena, cloudflare, directory, arena.folder()), subject)]


CASE = Case(
    "dns",
    (
        Subject("floor", lambda arena: _run(arena, dns01.floor), 9),
        Subject("picdns", lambda arena: _run(arena, dns01.picdns), 9),
        Subject(_UNSLEEPING, lambda arena: _run(arena, dns01.certbot_at_once), 3),
        Subject("certbot", lambda arena: _run(arena, dns01.certbot), 1),
    ),
    (
        Target("times the floor", slower("picdns", "floor"), 1.3),
        Target(
            "times faster than certbot at its best", slower(_UNSLEEPING, "picdns"), 2, at_least=True
        ),
        Target("times faster than certbot", slower("certbot", "picdns"), 8, at_least=True),
        Target("more requests than the floor", more_requests("picdns", "floor"), 0),
    ),
)
