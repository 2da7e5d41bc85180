"""The secrets that stand in cell_config.json until they are moved to files of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from picdns_core import explain
from picdns_core.errors import ConfigError
from picdns_core.model import DomainMode, SecretField
from picdns_core.settings import PicdnsSettings


class OwnSecret(NamedTuple):
    """A secret of our own settings, which is kept as `secrets/<folder>/<field.name>`."""

    folder: str
    field: SecretField


OWN_SECRETS = {
    "picdns.acme.eab.hmac_key": OwnSecret(
        "acme",
        SecretField(name="eab_hmac_key", title="HMAC key", description="Of the external account."),
    ),
    "picdns.notify.urls": OwnSecret(
        "notify", SecretField(name="urls", title="Apprise URLs", description="One a line.")
    ),
}
"""By the key under which each may be given in the config, from where it is moved."""


def secrets_in(raw: Mapping[str, Any], mode: DomainMode) -> dict[str, str]:
    """Find the mode's secrets that stand in the config, where a person or the host put them.

    One that the service issues is not looked for there: another mode's may have the same name.
    """
    ddns = explain.convert(raw.get("ddns", {}), dict[str, Any], "ddns")
    given = (field.name for field in mode.secrets if not field.issued)
    found = {name: ddns[name] for name in given if ddns.get(name)}
    for name, value in found.items():
        if not isinstance(value, str):
            raise ConfigError(f"ddns.{name}", "expected text.", hint="Put it in quotes.")
    return found


def own_secrets_in(raw: Mapping[str, Any]) -> dict[str, str]:
    """Find those of `OWN_SECRETS` that stand in the config, by their keys."""
    picdns = explain.convert(raw.get("picdns", {}), PicdnsSettings, "picdns")
    found = {}
    for key in OWN_SECRETS:
        value: Any = picdns
        for part in key.split(".")[1:]:
            value = getattr(value, part, None)
        if value:
            found[key] = value
    return found


def without_secrets(raw: dict[str, Any], names: Iterable[str]) -> None:
    """Remove the mode's secrets of that name, and all of our own, once they are kept elsewhere."""
    for name in names:
        raw.get("ddns", {}).pop(name, None)
    for key in OWN_SECRETS:
        *parents, last = key.split(".")
        section = raw
        for parent in parents:
            section = section.get(parent) or {}
        section.pop(last, None)
