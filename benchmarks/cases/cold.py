"""`cold`: one certificate from a process that has just begun, the account included."""

from benchmarks.case import Case, Subject, Target, more_requests, slower
from benchmarks.subjects import caddy, certbot, scripts

CASE = Case(
    "cold",
    (
        Subject("floor", lambda arena: scripts.floor(arena, 1), 9),
        Subject("picdns", lambda arena: scripts.picdns(arena, 1, "renew"), 9),
        Subject("certbot", lambda arena: certbot.run(arena, 1), 5),
        Subject("caddy", lambda arena: caddy.run(arena, 1), 9),
    ),
    (
        Target("times the floor", slower("picdns", "floor"), 1.3),
        Target("times faster than certbot", slower("certbot", "picdns"), 8, at_least=True),
        Target("times faster than Caddy", slower("caddy", "picdns"), 2, at_least=True),
        Target("more requests than the floor", more_requests("picdns", "floor"), 0),
    ),
)
