"""cell_config.json read as a Cell and its settings; every key we do not own is left alone."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from picdns_core import explain, names, settings_check
from picdns_core.config_secrets import OWN_SECRETS
from picdns_core.errors import ConfigError
from picdns_core.model import Cell, DomainMode, Service
from picdns_core.settings import PicdnsSettings

_LONGEST = 200  # characters of a name that becomes part of a file's
_Section = TypeVar("_Section", bound=Struct)


class ConfigSource(Protocol):
    """Where the host keeps cell_config.json; called from any thread.

    A host with a config manager of its own passes that; nobody else then writes the file.
    """

    def read(self) -> Mapping[str, Any]:
        """Return the whole config; ConfigError when there is none or it is not JSON."""

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Let `change` edit the newest config in place and keep it; write nothing if equal."""


class Config(Struct, frozen=True, kw_only=True):
    """The config as one domain mode understands it."""

    cell: Cell
    settings: Struct
    picdns: PicdnsSettings


def parse(raw: Mapping[str, Any], mode: DomainMode) -> Config:
    """Read the config of a cell in this mode; ConfigError names the key and the mend."""
    picdns = read_settings(raw)
    cell = _cell(raw, mode)
    settings_check.check(picdns, cell)
    return Config(
        cell=cell,
        settings=explain.convert(_ddns(raw, mode), mode.settings, "ddns"),
        picdns=picdns,
    )


def parse_as(
    raw: Mapping[str, Any], mode: DomainMode, cell: Cell, settings: Mapping[str, Any]
) -> Config:
    """Read only what changes under a cell that is given with its settings: services, `picdns`."""
    picdns = read_settings(raw)
    cell = replace(cell, services=_services(raw, cell.domain))
    settings_check.check(picdns, cell)
    return Config(
        cell=cell,
        settings=msgspec.convert(settings, mode.settings),
        picdns=picdns,
    )


def mode_name(raw: Mapping[str, Any]) -> str:
    """Return `domain_mode`; ConfigError when it is missing."""
    return _text(raw, "domain_mode", hint="Choose one of those that `picdns modes` lists.")


def read_settings(raw: Mapping[str, Any]) -> PicdnsSettings:
    """Read what is ours, `picdns`, without knowing the mode; our own secrets left out."""
    picdns = explain.convert(raw.get("picdns", {}), PicdnsSettings, "picdns")
    for key in OWN_SECRETS:
        picdns = _blanked(picdns, key.split(".")[1:])
    return picdns


def _blanked(section: _Section, path: list[str]) -> _Section:
    first, *rest = path
    inner = getattr(section, first)
    if inner is None:
        return section
    return replace(section, **{first: _blanked(inner, rest) if rest else ""})


def _cell(raw: Mapping[str, Any], mode: DomainMode) -> Cell:
    cell_name = _checked(names.label, raw, "cell_name", hint="A short name, as `home`.")
    if not raw.get("domain_name") and mode.domain_suffix:
        domain = f"{_subdomain(raw, mode) or cell_name}.{mode.domain_suffix}"
    else:
        domain = _checked(names.domain, raw, "domain_name", hint="As `home.example.org`.")
    if mode.public and domain.endswith(".cell"):
        raise ConfigError(
            "domain_name",
            f"{domain} exists only inside, and no public CA can see it.",
            hint="Name a domain that is yours on the internet, or use the lan mode.",
        )
    if not fits(domain, mode):
        raise ConfigError(
            "domain_name",
            f"{domain} is not below {mode.domain_suffix}, where {mode.name} gives names.",
            hint=f"Set it to {cell_name}.{mode.domain_suffix}, remove it, or choose another mode.",
        )
    if len(domain) > _LONGEST:
        raise ConfigError(
            "domain_name", f"{domain} is too long for the names of files.", hint="Choose a shorter."
        )
    return Cell(name=cell_name, mode=mode.name, domain=domain, services=_services(raw, domain))


def fits(domain: str, mode: DomainMode) -> bool:
    """Say whether the mode's service can give this name; lan's suffix is but a proposal."""
    return not (mode.public and mode.domain_suffix) or domain.endswith(f".{mode.domain_suffix}")


def _subdomain(raw: Mapping[str, Any], mode: DomainMode) -> str | None:
    """Return the label below the service's own domain, where it is not the cell's name."""
    ddns = explain.convert(raw.get("ddns", {}), dict[str, Any], "ddns")
    if not mode.public or not ddns.get("subdomain"):
        return None
    return _checked(names.label, ddns, "subdomain", prefix="ddns", hint="A label, as `home`.")


def _services(raw: Mapping[str, Any], domain: str) -> tuple[Service, ...]:
    services: list[Service] = []
    entries = explain.convert(
        raw.get("services", []),
        list[dict[str, Any]],
        "services",
        hint='As [{"name": "files", "upstream": "127.0.0.1:8080"}].',
    )
    for index, entry in enumerate(entries):
        key = f"services[{index}]"
        name = _checked(names.label, entry, "name", prefix=key, hint="As `files`.")
        upstream = _checked(
            names.upstream, entry, "upstream", prefix=key, hint="As `127.0.0.1:8080`."
        )
        if any(name == other.name for other in services):
            raise ConfigError(f"{key}.name", f"{name} is there twice.", hint="Rename one.")
        if f"{name}.cell" == domain:
            raise ConfigError(
                f"{key}.name",
                f"{name}.cell is the cell's own domain.",
                hint="Rename the service, or set another domain_name.",
            )
        try:
            full = names.domain(f"{name}.{domain}")
        except ValueError as error:
            raise ConfigError(f"{key}.name", f"{error}.", hint="Choose a shorter one.") from None
        if len(full) > _LONGEST:
            raise ConfigError(
                f"{key}.name",
                f"{full} is too long for the names of files.",
                hint="Choose a shorter one, or a shorter domain.",
            )
        services.append(Service(name=name, upstream=upstream))
    return tuple(services)


def _ddns(raw: Mapping[str, Any], mode: DomainMode) -> dict[str, Any]:
    """Keep the settings of this mode; the host and other modes keep keys of their own there."""
    ddns = explain.convert(raw.get("ddns", {}), dict[str, Any], "ddns")
    known = _keys(mode.settings)
    secrets = [entry.name for entry in mode.secrets]
    for key in ddns:
        if key in known or key in secrets:
            continue
        from difflib import get_close_matches

        close = get_close_matches(key, known, n=1, cutoff=0.85)
        if close and close[0] not in ddns:
            raise ConfigError(
                f"ddns.{key}", "is not a setting.", hint=f"Did you mean ddns.{close[0]}?"
            )
    return {key: value for key, value in ddns.items() if key in known}


@cache
def _keys(settings: type[Struct]) -> tuple[str, ...]:
    return tuple(entry.encode_name for entry in msgspec.structs.fields(settings))


def _checked(
    check: Callable[[str], str], raw: Mapping[str, Any], key: str, *, hint: str, prefix: str = ""
) -> str:
    text = _text(raw, key, hint=hint, prefix=prefix)
    try:
        return check(text)
    except ValueError as error:
        raise ConfigError(f"{prefix}.{key}".lstrip("."), f"{error}.", hint=hint) from None


def _text(raw: Mapping[str, Any], key: str, *, hint: str, prefix: str = "") -> str:
    value = raw.get(key)
    path = f"{prefix}.{key}".lstrip(".")
    if value is None or value == "":
        raise ConfigError(path, "is missing.", hint=hint)
    return explain.convert(value, str, path, hint=hint)
