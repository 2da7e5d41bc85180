"""What the checks came to."""

from collections.abc import Sequence

from msgspec import Struct

from picdns_core.errors import PicdnsError
from picdns_core.model import Difference, Finding
from picdns_core.secret import redact
from picdns_core.tracing import Leg


class Diagnosis(Struct, frozen=True, kw_only=True):
    """All findings, in the order of the checks."""

    checks: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return all(one.ok for one in self.checks)


def good(name: str, finding: str, evidence: str = "", mend: str = "") -> Finding:
    """Say that it is as it should be; `mend` is then something to know."""
    return Finding(name=name, ok=True, finding=finding, evidence=evidence, mend=mend)


def bad(name: str, finding: str, mend: str, evidence: str = "") -> Finding:
    """Say what is wrong, and what to do."""
    return Finding(name=name, ok=False, finding=finding, evidence=evidence, mend=mend)


def of_error(name: str, error: BaseException) -> Finding:
    """Say why a check came to nothing; what a service or server says of itself is the finding."""
    if isinstance(error, PicdnsError):
        return bad(name, error.message, error.hint, type(error).__name__)
    return bad(
        name,
        "This check broke: all that it looks at may be well",
        "Report it as a bug of picdns, with what `picdns support-bundle` writes.",
        redact(f"{type(error).__name__}: {error}"),
    )


def of_leg(name: str, leg: Leg) -> Finding:
    """Say what was found on a name's way."""
    facts = "; ".join(f"{key}: {_plain(value)}" for key, value in leg.facts.items() if value)
    return Finding(
        name=name, ok=leg.state != "wrong", finding=leg.text, evidence=facts, mend=leg.hint
    )


def of_differences(name: str, found: Sequence[Difference]) -> Finding:
    """Say the first of several that have one cause, and how many others there are."""
    first = found[0]
    others = ", ".join(one.name for one in found[1:])
    evidence = f"expected {_plain(first.expected)}, found {_plain(first.found)}"
    return bad(
        name, first.message, first.hint, f"{evidence}; also: {others}" if others else evidence
    )


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return " and ".join(_plain(one) for one in value) or "nothing"
    if isinstance(value, dict):
        return " ".join(_plain(one) for one in value.values() if one)
    return str(value)
