"""`warm`: the next certificate in a process that has got one; each run is ten of them.

picdns writes all durably and takes its locks as ever; the floor only writes its two files.
"""

from benchmarks.case import Case, Subject, Target, slower
from benchmarks.subjects import scripts

_LAPS = 10

CASE = Case(
    "warm",
    (
        Subject("floor", lambda arena: scripts.floor_laps(arena, _LAPS), 4),
        Subject("picdns", lambda arena: scripts.picdns_laps(arena, _LAPS), 4),
    ),
    (
        Target("times the floor, durable writes included", slower("picdns", "floor"), 2),
        Target("requests", lambda rows: rows["picdns"].requests or 0, 8),
    ),
)
