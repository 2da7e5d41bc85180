"""What the suite is told about the service behind a provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picdns_core.testing.faults import Faults
from picdns_core.testing.zone import Zone


@dataclass(frozen=True)
class Service:
    """A name that the provider can have at its service, and how to get there.

    What is not given is not tested, and the tests that would need it say so.
    """

    domain: str
    """The cell's domain, which nobody holds yet; its first label is the cell's name."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The mode's settings, as they would stand under `ddns` in the config."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The mode's secrets by name, as the service accepts them."""
    wrong_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those that are well-formed and that the service refuses, to be used in their place."""
    zone: Zone | None = None
    """The zone that the service writes to; compared before and after."""
    foreign: Callable[[str, str, str], object] | None = None
    """Puts a record of somebody else at the service: type, absolute name and value as in
    `Zone.set`. Not given where nobody else can write at the cell's name or below it."""
    faults: Faults | None = None
    """Makes the service fail: that of a stand-in, or of a `FaultProxy` before the real one."""
    ca_bundle: Path | None = None
    """PEM file that verifies the service's HTTPS; that of the local internet when not given."""
