"""What a process holds on to that looks after a cell for a day."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from picdns_core.testing import Answer, LocalInternet
from tests.conftest import Cell, MakeCell

HOME, AWAY, IPV6 = "203.0.113.7", "203.0.113.8", "2001:db8::7"
QUIET, BUSY = 23, 17  # ticks at which all is well, and ticks at which not
PERIOD = QUIET + BUSY
SWING = 200  # objects more or less from one look to the next

Live = Callable[[int], dict[str, Any]]


@pytest.mark.parametrize(
    "periods",
    [pytest.param(2, id="some hours"), pytest.param(6, id="a day", marks=pytest.mark.slow)],
)
def test_ticks_leak_nothing(
    make_cell: MakeCell, local_internet: LocalInternet, periods: int
) -> None:
    """No memory, thread, file, socket or process, though addresses change and much fails.

    One more period warms up. A leak of a few objects a tick would show.
    """
    echoes = local_internet.echoes()
    cell = make_cell("cloudflare")
    assert cell.account
    service = cell.account.service
    cell.set(picdns=local_internet.settings(echoes=echoes))

    def busy(live: Live) -> list[str]:
        """Move, lose all operators, come home while the service is down; then all is well."""
        echoes.see(ipv4=AWAY, ipv6=IPV6)
        did = live(2)["did"]
        echoes.see()
        did += live(2)["did"]
        echoes.see(ipv4=HOME, ipv6=IPV6)
        service.on(".*", ".*", Answer(503))
        did += live(1)["did"]
        service.faults.clear()
        found: list[str] = did + live(BUSY - 5)["did"]
        return found

    echoes.see(ipv4=HOME, ipv6=IPV6)
    held: list[dict[str, Any]] = []
    with _living(cell) as live:
        live(8)
        for _ in range(periods + 1):
            did = "\n".join(busy(live))
            assert did.startswith(f"Published {AWAY}")
            assert "HTTP 503" in did
            assert f"Published {HOME}" in did
            quiet = live(QUIET)
            assert quiet["did"] == []
            held.append(quiet["holds"])
    echoes.close()
    for kind in ("threads", "open", "children"):
        assert held[-1][kind] == held[0][kind]
    ticks = periods * PERIOD
    assert held[-1]["blocks"] - held[0]["blocks"] < 2 * ticks + SWING
    assert held[-1]["memory_kib"] - held[0]["memory_kib"] < 20 * ticks + 1024


@contextmanager
def _living(cell: Cell) -> Iterator[Live]:
    """Start a process that lives with the cell; what is yielded makes it tick so often."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.heartbeat.day", str(cell.root)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        asks, answers = process.stdin, process.stdout

        def live(ticks: int) -> dict[str, Any]:
            asks.write(f"{ticks}\n")
            asks.flush()
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer

        try:
            yield live
        finally:
            asks.close()
