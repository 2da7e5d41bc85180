"""Finds the one provider of a mode and puts a typed face on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from picdns_core import hookspecs
from picdns_core.contract import broken, check_mode, provider_manager
from picdns_core.errors import ConfigError, PicdnsError, PluginError
from picdns_core.hookspecs import Acme, Publisher, Secrets, Signer
from picdns_core.installed import distribution_of, entries, installed_modes, load
from picdns_core.model import (
    Addresses,
    Cell,
    CertRequest,
    DomainMode,
    Finding,
    IssuedCert,
    Publication,
    Registration,
    TxtRecord,
)
from picdns_core.secret import redact

if TYPE_CHECKING:
    import requests

_PUBLISHER = ("publish", "withdraw", "values_per_name")


class Claimant(TypedDict):
    """Who asks a provider: passed to each hook."""

    cell: Cell
    settings: msgspec.Struct
    http: requests.Session
    secrets: Secrets


class Holder(Claimant):
    """Who asks, once the name is registered."""

    registration: Registration


def load_mode(name: str) -> Provider:
    """Load the provider of one domain mode and check that it keeps the contract.

    ConfigError when no such mode is installed; PluginError names the distribution that breaks
    the contract and what to mend there.
    """
    named = [entry for entry in entries(hookspecs.MODES) if entry.name == name]
    found = {distribution_of(entry): entry for entry in named}
    if not found:
        installed = ", ".join(installed_modes()) or "none"
        raise ConfigError(
            "domain_mode",
            f"{name!r} is not installed; installed: {installed}.",
            hint="Correct the name, or install its distribution, as "
            f"`pip install picdns-{name.replace('_', '-')}`.",
        )
    if len(found) > 1:
        raise PluginError(
            min(found),
            f"The mode {name!r} comes from several distributions: {', '.join(sorted(found))}.",
            hint="Uninstall all but one of them.",
        )
    [(distribution, entry)] = found.items()
    return Provider(name, distribution, load(distribution, entry))


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
        return _Guarded(self.distribution, result)

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

    def name_available(self, **by: Unpack[Claimant]) -> bool | None:
        """Say whether the service would give the cell's name away; None where no mode can say."""
        if not self._implements("name_available"):
            return None
        return bool(self._call("name_available", bool, **by))

    def examine(self, **by: Unpack[Holder]) -> tuple[Finding, ...]:
        """Return what the mode finds of its credentials; nothing where it does not look."""
        if not self._implements("examine"):
            return ()
        result: tuple[Finding, ...] = self._call("examine", tuple, **by)
        if strange := [one for one in result if not isinstance(one, Finding)]:
            raise broken(
                self.distribution,
                f"returned a {type(strange[0]).__name__} among what it found in examine",
                "Return Finding there, in a tuple.",
            )
        return result

    def _implements(self, hook: str) -> bool:
        return bool(getattr(self._hooks, hook).get_hookimpls())

    def _call(self, hook: str, returns: type, **arguments: Any) -> Any:
        with _blamed(self.distribution, hook):
            result = getattr(self._hooks, hook)(**arguments)
        if result is None or not isinstance(result, returns):
            raise broken(
                self.distribution,
                f"returned {type(result).__name__} from {hook}",
                f"Return {returns.__name__} there.",
            )
        return result


class _Guarded:
    """A provider's publisher, whose unforeseen errors name the culprit."""

    def __init__(self, distribution: str, publisher: Publisher) -> None:
        self._distribution = distribution
        self._publisher = publisher
        self.values_per_name = publisher.values_per_name

    def publish(self, record: TxtRecord) -> None:
        with _blamed(self._distribution, "publish"):
            self._publisher.publish(record)

    def withdraw(self, record: TxtRecord) -> None:
        with _blamed(self._distribution, "withdraw"):
            self._publisher.withdraw(record)


@contextmanager
def _blamed(distribution: str, call: str) -> Iterator[None]:
    """Raise what is no error of ours as a breach of the contract."""
    try:
        yield
    except PicdnsError:
        raise
    except (Exception, SystemExit) as error:
        _redact_chain(error)
        raise broken(
            distribution,
            f"failed in {call} with {type(error).__name__}: {error}",
            "Report it to its author.",
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
