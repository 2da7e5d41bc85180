"""Ticks of one cell, and failures that they tell."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

from picdns_core.events import Ticked
from picdns_core.model import Addresses, Cell, Failure

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TICK = timedelta(minutes=5)
CELL = Cell(name="home", mode="duckdns", domain="home.example.org")


def failure(since: datetime = NOON, subject: str = "home.example.org", **more: Any) -> Failure:
    facts: dict[str, Any] = {
        "error": "ProviderUnavailable",
        "message": "The CA did not answer; the certificate stays served.",
        "hint": "Wait.",
        "at": since,
    }
    return Failure(subject=subject, since=since, **(facts | more))


def tick(
    at: datetime = NOON,
    problems: Iterable[Failure] = (),
    recovered: Iterable[Failure] = (),
    **more: Any,
) -> Ticked:
    facts: dict[str, Any] = {
        "cell": CELL,
        "task": "certificates",
        "did": (),
        "seconds": 0.2,
        "previous_at": at - TICK,
        "next_at": at + TICK,
        "published": Addresses(ipv4=IPv4Address("192.0.2.7")),
        "published_at": NOON,
        "certificates": {"home.example.org": NOON + timedelta(days=20)},
    }
    facts |= {"problems": tuple(problems), "recovered": tuple(recovered)}
    return Ticked(at=at, **(facts | more))
