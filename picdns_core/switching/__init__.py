"""How a cell moves to another mode or name: planned, prepared, proven, and only then in force."""

from picdns_core.switching.completion import Switched
from picdns_core.switching.plan import Issue, Plan
from picdns_core.switching.switching import Switching

__all__ = ["Issue", "Plan", "Switched", "Switching"]
