"""The services in the config: read, edited and checked; every key we do not own is left alone."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from picdns_core import config, names
from picdns_core.errors import ConfigError
from picdns_core.model import Cell, Service
from picdns_core.plugins import load_mode
from picdns_core.store.registrations import Claim

Edit = Callable[[tuple[Service, ...]], Sequence[Service]]
"""Makes the services that there shall be out of those that there are."""


def adding(service: Service) -> Edit:
    """Add a service, or give the one of that name another upstream."""

    def edit(known: tuple[Service, ...]) -> Sequence[Service]:
        others = [one.name for one in known]
        if (name := _normal(service.name)) not in others:
            return (*known, service)
        return [replace(service, name=name) if one.name == name else one for one in known]

    return edit


def removing(name: str) -> Edit:
    """Remove a service; ConfigError when there is none of that name."""

    def edit(known: tuple[Service, ...]) -> Sequence[Service]:
        left = [one for one in known if one.name != _normal(name)]
        if len(left) == len(known):
            listed = ", ".join(one.name for one in known) or "none"
            raise ConfigError(
                "services", f"{name} is no service of this cell.", hint=f"It has: {listed}."
            )
        return left

    return edit


def known(raw: Mapping[str, Any]) -> tuple[Service, ...]:
    """Read the services as far as they can be read: what is wrong may be about to be mended."""
    entries = (entry for entry in _listed(raw) if isinstance(entry, dict))
    pairs = ((entry.get("name"), entry.get("upstream")) for entry in entries)
    return tuple(
        Service(name=_normal(name), upstream=upstream)
        for name, upstream in pairs
        if isinstance(name, str) and isinstance(upstream, str)
    )


def entries(raw: Mapping[str, Any], services: Sequence[Service]) -> list[Any]:
    """Return the entries of the config for these services; keys of others in them stay."""
    kept = {
        _normal(entry["name"]): entry
        for entry in _listed(raw)
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    }
    return [
        {"name": one.name, **kept.get(_normal(one.name), {}), "upstream": one.upstream}
        for one in services
    ]


def _listed(raw: Mapping[str, Any]) -> list[Any]:
    listed = raw.get("services")
    return listed if isinstance(listed, list) else []


def _normal(name: str) -> str:
    with suppress(ValueError):
        return names.label(name)
    return name


def checked(raw: Mapping[str, Any], claim: Claim | None) -> Cell:
    """Return the cell with the services of a config, as it is in force, else as configured.

    ConfigError when they are not good for both.
    """
    try:
        cell = config.parse(raw, load_mode(config.mode_name(raw)).mode).cell
    except ConfigError as error:
        if claim is None or error.key.startswith("services"):
            raise
    if claim is None:
        return cell
    mode = load_mode(claim.cell.mode).mode
    return config.parse_as(raw, mode, claim.cell, claim.settings).cell
