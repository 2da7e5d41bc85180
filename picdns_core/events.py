"""What observers hear; all of it is frozen, and carries the whole new state."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from picdns_core.model import Addresses, Cell, CertFiles, Failure, Registration


class Event(Struct, frozen=True, kw_only=True):
    """Base of what observers hear; `at` is UTC."""

    cell: Cell
    at: datetime


class Registered(Event, frozen=True, kw_only=True):
    """The name is claimed, or its claim was renewed."""

    registration: Registration


class IpChanged(Event, frozen=True, kw_only=True):
    """New addresses are published and confirmed."""

    addresses: Addresses
    previous: Addresses


class CertIssued(Event, frozen=True, kw_only=True):
    """A certificate was issued and, where Caddy is configured, proven served."""

    lineage: str
    names: tuple[str, ...]
    issuer: str
    serial: str
    not_after: datetime
    files: CertFiles


class CertFailed(Event, frozen=True, kw_only=True):
    """A certificate could not be had; the one before it, if any, is still served.

    `retry_at` is when the heartbeat tries again, where one is running.
    """

    lineage: str
    names: tuple[str, ...]
    error: str
    hint: str
    retry_at: datetime | None = None


class ModeChanged(Event, frozen=True, kw_only=True):
    """The cell has moved to `cell.mode` and `cell.domain` from those named here.

    A cell that was renamed is in the same mode as before.
    """

    previous_mode: str
    previous_domain: str = ""


class Ticked(Event, frozen=True, kw_only=True):
    """The heartbeat has looked after one of its two tasks; told at each tick of it.

    `did` says in words what was done and why, and is empty when there was nothing to do.
    `seconds` is how long it took, `previous_at` when the tick before it was (None at the very
    first), `next_at` when the next will be, `due_at` when there will be something to do as far as
    is known. `problems` is what is broken in this task, `recovered` what was so at the tick
    before and is no more. `waiting` says what the config asks for and nobody has done yet.
    `published` are the addresses that are confirmed, since `published_at`; `certificates` is when
    each ends, by lineage.
    """

    task: Literal["addresses", "certificates"]
    did: tuple[str, ...]
    seconds: float
    previous_at: datetime | None
    next_at: datetime
    due_at: datetime | None = None
    waiting: str | None = None
    problems: tuple[Failure, ...]
    recovered: tuple[Failure, ...]
    published: Addresses
    published_at: datetime | None
    certificates: dict[str, datetime]
