"""The path of a name in words, one leg after the other."""

from typing import Any, Literal

from msgspec import Struct, field

Part = Literal[
    "name",
    "inside",
    "outside",
    "address",
    "port",
    "served",
    "issuer",
    "trust",
    "renewal",
    "upstream",
]
Kind = Literal["service", "internal", "domain", "unserved", "foreign"]


class Leg(Struct, frozen=True, kw_only=True):
    """One finding. `hint` is the mend where it is `wrong`; a `note` is no fault by itself.

    `facts` has the same for programs: its keys depend on the part.
    """

    part: Part
    state: Literal["good", "note", "wrong"]
    text: str
    hint: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Trace(Struct, frozen=True, kw_only=True):
    """All findings about `name`, as which `asked` was understood.

    `kind`: the public name of a `service`, its `internal` name below `.cell`, the `domain` itself,
    a name of the cell that is `unserved`, or a `foreign` one. `well` is false when any is wrong.
    """

    asked: str
    name: str
    kind: Kind
    service: str | None
    well: bool
    legs: tuple[Leg, ...]


def good(part: Part, text: str, /, **facts: Any) -> Leg:
    """Say that it is as it should be."""
    return Leg(part=part, state="good", text=text, facts=facts)


def note(part: Part, text: str, hint: str = "", /, **facts: Any) -> Leg:
    """Say what is worth knowing, and no fault by itself."""
    return Leg(part=part, state="note", text=text, hint=hint, facts=facts)


def wrong(part: Part, text: str, hint: str, /, **facts: Any) -> Leg:
    """Say what is wrong, and the mend."""
    return Leg(part=part, state="wrong", text=text, hint=hint, facts=facts)
