"""`twenty`: certificates for 20 services at once, from a process that has just begun.

certbot does one after another; it and Caddy are too slow to be run often.
"""

from benchmarks.case import Case, Subject, Target, more_requests, slower
from benchmarks.subjects import caddy, certbot, scripts

_COUNT = 20

CASE = Case(
    "twenty",
    (
        Subject("floor", lambda arena: scripts.floor(arena, _COUNT), 7),
        Subject("picdns", lambda arena: scripts.picdns(arena, _COUNT, "up"), 7),
        Subject("certbot", lambda arena: certbot.run(arena, _COUNT), 1),
        Subject("caddy", lambda arena: caddy.run(arena, _COUNT), 1),
    ),
    (
        Target("times the floor's threads", slower("picdns", "floor"), 1.5),
        Target("more requests than the floor", more_requests("picdns", "floor"), 0),
    ),
)
