"""Checks that run side by side, none of which holds up or breaks the others."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from picdns_core.doctor.diagnosis import bad, of_error
from picdns_core.model import Finding
from picdns_core.tracing.later import Deadline

Check = Callable[[], Iterable[Finding]]

PATIENCE = 10.0
"""Seconds for all checks together."""

_HANDS = 8

Answer = Future[tuple[Finding, ...]]


def run(checks: Mapping[str, Check], patience: float = PATIENCE) -> list[Finding]:
    """Return what the checks found, in their order; one that breaks or hangs is a finding."""
    answers: dict[str, Answer] = {name: Future() for name in checks}
    waiting: SimpleQueue[tuple[Check, Answer]] = SimpleQueue()
    for name, check in checks.items():
        waiting.put((check, answers[name]))
    for _ in range(min(_HANDS, len(checks))):
        threading.Thread(target=_work, args=(waiting,), name="picdns-doctor", daemon=True).start()
    deadline = Deadline(patience)
    found: list[Finding] = []
    for name, answer in answers.items():
        found += _heard(name, answer, deadline, patience)
    return found


def _work(waiting: "SimpleQueue[tuple[Check, Answer]]") -> None:
    while True:
        try:
            check, answer = waiting.get_nowait()
        except Empty:
            return
        try:
            answer.set_result(tuple(check()))
        except BaseException as error:  # noqa: BLE001 - it is a finding
            answer.set_exception(error)


def _heard(name: str, answer: Answer, deadline: Deadline, patience: float) -> tuple[Finding, ...]:
    try:
        found = deadline.await_(answer)
    except BaseException as error:
        if not answer.done():  # it is we who are interrupted
            raise
        return (of_error(name, error),)
    if found is not None:
        return found
    return (
        bad(
            name,
            f"This check did not end within {patience:.0f} s: somebody who is asked hangs",
            "See the other findings, and the internet connection; then try again.",
        ),
    )
