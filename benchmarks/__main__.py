"""`python -m benchmarks [CASE...]`: measure, print medians and ratios, write build/bench.json.

All subjects of a case take turns on one Pebble that never sleeps, sends no Retry-After, rejects
no nonce and reuses no authorization. Missing a target is said, and fails nothing: machines differ
and are busy. A subject that does not do its work fails the run.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.arena import Arena
from benchmarks.case import Case, Missing, Row, Sample, row
from benchmarks.cases import CASES
from benchmarks.measure import SubjectFailed
from picdns_core.testing import ServerMissing

_BUILD = Path("build")


def main() -> int:
    """Run the cases that are asked for, by default all."""
    known = {case.name: case for case in CASES}
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(known)}")
    parser.add_argument("--runs", type=int, default=1000, help="at most so many runs of a subject")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(known):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    rows: list[Row] = []
    try:
        with Arena(_BUILD) as arena:
            for name in asked.cases or known:
                rows += _run(known[name], arena, max(1, asked.runs))
    except (SubjectFailed, ServerMissing) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.table(rows))
    print(report.targets(rows, CASES))
    print(f"Written: {report.write(rows, _BUILD / 'bench.json')}")
    return 0


def _run(case: Case, arena: Arena, most: int) -> list[Row]:
    """Let the subjects take turns, so that what else the machine does hits all of them."""
    subjects = [subject.but(runs=min(subject.runs, most)) for subject in case.subjects]
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}
    missing: set[str] = set()
    for turn in range(max(subject.runs for subject in subjects) + 1):
        for subject in subjects:
            first = subject.runs == 1 and turn == 1  # too slow for a run that is not counted
            if subject.name in missing or turn > subject.runs or (subject.runs == 1) != first:
                continue
            print(f"{case.name}: {subject.name}, {turn} of {subject.runs}", file=sys.stderr)
            try:
                taken = subject.run(arena)
            except Missing as error:
                print(f"{case.name}: {subject.name} is left out: {error}", file=sys.stderr)
                missing.add(subject.name)
                continue
            if turn:  # the first turn only fills the caches
                samples[subject.name] += taken
    measured = {name: taken for name, taken in samples.items() if taken}
    floor = measured.get("floor")
    return [row(case.name, name, taken, floor) for name, taken in measured.items()]


if __name__ == "__main__":
    sys.exit(main())
