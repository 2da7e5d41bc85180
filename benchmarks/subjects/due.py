"""Decides what is due: `due.py ROOT LAPS` prints laps as JSON, `due.py ROOT fill` makes the cell.

A lap is how long it took to open the cell, and then to decide. The first one finds nothing in
memory, as at the start of the process.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta

from picdns_core import Runner
from picdns_core.store import CertMeta
from picdns_core.wanted import renew_at

_KEY, _CHAIN = b"k" * 241, b"c" * 3000  # nobody reads them to decide


def fill(root: str) -> None:
    """Give every service of the cell a certificate that is not due."""
    vars(os)["fsync"] = lambda _: None  # 30,000 files that need not survive a power cut
    job = Runner(root).workshop.open()
    now = datetime.now(UTC).replace(microsecond=0)
    begin, end = now - timedelta(days=10), now + timedelta(days=80)
    for serial, want in enumerate(job.wants):
        meta = CertMeta(
            names=want.names,
            issuer="CN=Some CA",
            serial=f"{serial:032x}",
            not_before=begin,
            not_after=end,
            renew_at=renew_at(begin, end),
            mode=job.mode.name,
            source=job.source_of(want),
        )
        job.lineages.begin(want.lineage, "000001", _KEY)
        job.lineages.finish(want.lineage, "000001", _CHAIN, meta)
        job.store.point(want.lineage, "000001")


def main(root: str, laps: int) -> None:
    """Decide again and again, in one process."""
    workshop = Runner(root).workshop
    measured = []
    for _ in range(laps):
        begun = time.perf_counter(), time.process_time()
        job = workshop.open()
        certificates = workshop.certificates(job)
        opened = time.perf_counter(), time.process_time()
        due = certificates.due(job.wants)
        decided = time.perf_counter(), time.process_time()
        if due:
            sys.exit(f"failed: {len(due)} certificates are due")
        pairs = ((begun, opened), (opened, decided))
        measured.append([[after - at for at, after in zip(*pair, strict=True)] for pair in pairs])
    print(json.dumps(measured))


if sys.argv[2] == "fill":
    fill(sys.argv[1])
else:
    main(sys.argv[1], int(sys.argv[2]))
