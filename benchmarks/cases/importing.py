"""`import`: what `import picdns_core` adds to a bare interpreter, the floor here."""

import sys
from collections.abc import Sequence

from benchmarks.arena import Arena
from benchmarks.case import Case, Sample, Subject, Target
from benchmarks.measure import measure


def _python(code: str, arena: Arena) -> Sequence[Sample]:
    command = (sys.executable, "-c", code)
    return [measure(command, arena.environment(), arena.folder())]


CASE = Case(
    "import",
    (
        Subject("floor", lambda arena: _python("", arena), 21),
        Subject("picdns", lambda arena: _python("import picdns_core", arena), 21),
        # For information: what the floor of the other cases pays before its first line.
        Subject("acme", lambda arena: _python("import acme.client", arena), 21),
    ),
    (
        Target(
            "ms more than a bare interpreter",
            lambda rows: 1000 * (rows["picdns"].wall_s - rows["floor"].wall_s),
            70,
        ),
        Target(
            "MiB more than a bare interpreter",
            lambda rows: rows["picdns"].peak_rss_mib - rows["floor"].peak_rss_mib,
            16,
        ),
    ),
)
