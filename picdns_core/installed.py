"""What is installed: the plugins of both kinds, found by their entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picdns_core import hookspecs
from picdns_core.contract import broken

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def installed_modes() -> dict[str, str]:
    """Name each installed mode and the distribution it comes from; imports none of them."""
    return {entry.name: distribution_of(entry) for entry in entries(hookspecs.MODES)}


def entries(group: str) -> list[EntryPoint]:
    """List the entry points of a group, by name; imports none of them."""
    from importlib.metadata import entry_points  # a third of the time that our import would take

    return sorted(entry_points(group=group), key=lambda entry: entry.name)


def load(distribution: str, entry: EntryPoint) -> object:
    """Import what an entry point names; PluginError when it cannot be."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise broken(
            distribution,
            f"cannot be imported: {type(error).__name__}: {error}",
            f"Reinstall it: `pip install --force-reinstall {distribution}`, or ask its author.",
        ) from error


def distribution_of(entry: EntryPoint) -> str:
    """Name the package that an entry point belongs to."""
    return entry.dist.name if entry.dist else "an unknown distribution"
