"""Finds the one provider of a mode and puts a typed face on it; tells observers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec
import pluggy

from picdns_core import hookspecs
from picdns_core.contract import broken, check_mode, check_observer, provider_manager
from picdns_core.errors import ConfigError, PicdnsError, PluginError
from picdns_core.hookspecs import Acme, Publisher, Secrets, Signer
from picdns_core.model import (
    Addresses,
    Cell,
    CertFailed,
    CertIssued,
    CertRequest,
    DomainMode,
    Event,
    IpChanged,
    IssuedCert,
    ModeChanged,
    Publication,
    Registered,
    Registration,
)
from picdns_core.secret import redact

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import requests

_log = logging.getLogger(__name__)
_PUBLISHER = ("publish", "withdraw", "values_per_name")
_HOOKS: dict[type[Event], str] = {
    Registered: "registered",
    IpChanged: "ip_changed",
    CertIssued: "cert_issued",
    CertFailed: "cert_failed",
    ModeChanged: "mode_changed",
}


class Claimant(TypedDict):
    """Who asks a provider: passed to each hook."""

    cell: Cell
    settings: msgspec.Struct
    http: requests.Session
    secrets: Secrets


class Holder(Claimant):
    """Who asks, once the name is registered."""

    registration: Registration


def installed_modes() -> dict[str, str]:
    """Name each installed mode and the distribution it comes from; imports none of them."""
    return {entry.name: _distribution(entry) for entry in _entries(hookspecs.MODES)}


def load_mode(name: str) -> Provider:
    """Load the provider of one domain mode and check that it keeps the contract.

    ConfigError when no such mode is installed; PluginError names the distribution that breaks
    the contract and what to mend there.
    """
    entries = (entry for entry in _entries(hookspecs.MODES) if entry.name == name)
    found = {_distribution(entry): entry for entry in entries}
    if not found:
        installed = ", ".join(installed_modes()) or "none"
        raise ConfigError(
            "domain_mode",
            f"{name!r} is not installed; installed: {installed}.",
            hint="Correct the name, or install its distribution, as `pip install picdns-lan`.",
        )
    if len(found) > 1:
        raise PluginError(
            min(found),
            f"The mode {name!r} comes from several distributions: {', '.join(sorted(found))}.",
            hint="Uninstall all but one of them.",
        )
    [(distribution, entry)] = found.items()
    return Provider(name, distribution, _load(distribution, entry))


class Provider:
    """One mode's hooks as methods; whatever they raise or return wrongly names the culprit."""

    def __init__(self, name: str, distribution: str, plugin: object) -> None:
        self.distribution = distribution
        manager = provider_manager(distribution, plugin)
        self._hooks = manager.hook
        self.mode: DomainMode = self._call("domain_mode", DomainMode)
        check_mode(distribution, name, self.mode, manager)

    def register(self, **by: Unpack[Claimant]) -> Registration:
        result: Registration = self._call("register", Registration, **by)
        try:
            msgspec.json.encode(result)
        except (TypeError, ValueError) as error:
            raise broken(
                self.distribution,
                f"returned notes from register that are not JSON: {error}",
                "Put text, numbers, lists and dicts in Registration.notes.",
            ) from None
        return result

    def update_ip(self, addresses: Addresses, **by: Unpack[Holder]) -> Publication:
        result: Publication = self._call("update_ip", Publication, addresses=addresses, **by)
        return result

    def publisher(self, **by: Unpack[Holder]) -> Publisher | None:
        """Return the mode's publisher, None where it does not use DNS-01."""
        if not self._implements("publisher"):
            return None
        result: Publisher = self._call("publisher", object, **by)
        if lacks := [part for part in _PUBLISHER if not hasattr(result, part)]:
            raise broken(
                self.distribution,
                f"returned from publisher what has no {' and no '.join(lacks)}",
                "Return an object that is a picdns_core.Publisher.",
            )
        return result

    def issue_cert(
        self,
        request: CertRequest,
        acme: Acme | None,
        publisher: Publisher | None,
        signer: Signer,
        **by: Unpack[Holder],
    ) -> IssuedCert:
        result: IssuedCert = self._call(
            "issue_cert",
            IssuedCert,
            request=request,
            acme=acme,
            publisher=publisher,
            signer=signer,
            **by,
        )
        return result

    def teardown(self, **by: Unpack[Holder]) -> bool:
        result: bool = self._call("teardown", bool, **by)
        return result

    def _implements(self, hook: str) -> bool:
        return bool(getattr(self._hooks, hook).get_hookimpls())

    def _call(self, hook: str, returns: type, **arguments: Any) -> Any:
        try:
            result = getattr(self._hooks, hook)(**arguments)
        except PicdnsError:
            raise
        except (Exception, SystemExit) as error:
            _redact_chain(error)
            raise broken(
                self.distribution,
                f"failed in {hook} with {type(error).__name__}: {error}",
                "Report it to its author.",
            ) from error
        if result is None or not isinstance(result, returns):
            raise broken(
                self.distribution,
                f"returned {type(result).__name__} from {hook}",
                f"Return {returns.__name__} there.",
            )
        return result


class Observers:
    """Everybody who wants to hear what happened; one that fails is logged and passed over."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for entry in _entries(hookspecs.OBSERVERS):
            distribution = _distribution(entry)
            try:
                plugin = _load(distribution, entry)
                check_observer(distribution, plugin)
                if not self._manager.is_registered(plugin):
                    self._manager.register(plugin, name=f"{entry.name} of {distribution}")
            except PluginError as error:
                _log.warning("observer skipped: %s", error)

    def tell(self, event: Event) -> None:
        """Call each observer's hook for this event; never raises."""
        hook = _HOOKS[type(event)]
        everybody = self._manager.list_name_plugin()
        for name, plugin in everybody:
            others = [other for _, other in everybody if other is not plugin]
            try:
                self._manager.subset_hook_caller(hook, others)(event=event)
            except (Exception, SystemExit):  # noqa: BLE001 - it is the observer's own affair
                _log.exception("observer %s failed in %s", name, hook)


def _entries(group: str) -> list[EntryPoint]:
    from importlib.metadata import entry_points  # a third of the time that our import would take

    return sorted(entry_points(group=group), key=lambda entry: entry.name)


def _load(distribution: str, entry: EntryPoint) -> object:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise broken(
            distribution,
            f"cannot be imported: {type(error).__name__}: {error}",
            f"Reinstall it: `pip install --force-reinstall {distribution}`, or ask its author.",
        ) from error


def _redact_chain(error: BaseException) -> None:
    """Take secrets out of what a provider's unforeseen error, and what led to it, say."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link and link not in seen:
        seen.append(link)
        if redact(str(link)) != str(link):
            link.args = (redact(str(link)),)
        link = link.__cause__ or link.__context__


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"
