"""How CoreDNS is told to read its files again."""

from collections.abc import Callable

Reload = Callable[[], None]
"""Tells CoreDNS, and returns at once or when it has; DeployFailed when it could not be told."""
