"""A cell at a service, as its provider is asked by the core."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
import requests
from requests.adapters import HTTPAdapter

from picdns_core import (
    Addresses,
    Cell,
    Finding,
    Publication,
    Publisher,
    Registration,
    Secret,
    Service,
    load_mode,
)
from picdns_core.http import Session
from picdns_core.plugins import Claimant, Holder

from .verdict import require

SERVICES = (Service(name="files", upstream="127.0.0.1:9"),)


class MemorySecrets:
    """The mode's secrets, those it declares and no others; gone with the process."""

    def __init__(self, declared: frozenset[str], values: Mapping[str, str]) -> None:
        self._declared = declared
        self.values = dict(values)
        """All of them, as the service knows them."""

    def get(self, name: str) -> Secret | None:
        self._check(name)
        return Secret(self.values[name]) if name in self.values else None

    def put(self, name: str, value: Secret) -> None:
        self._check(name)
        self.values[name] = value.reveal()

    def delete(self, name: str) -> None:
        self._check(name)
        self.values.pop(name, None)

    def _check(self, name: str) -> None:
        require(
            name in self._declared,
            f"The provider asked for the secret {name!r}, which its mode does not have.",
            "add it to DomainMode.secrets, or correct the name.",
        )


class OneCallSession(Session):
    """A session of one call of one hook, which notes when it is used elsewhere.

    It tries again without waiting.
    """

    strays: ClassVar[list[str]] = []
    """When a session was used elsewhere; of the whole process, for modules outlive cells."""

    def __init__(self, ca_bundle: str) -> None:
        super().__init__(ca_bundle)
        for adapter in self.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.max_retries = adapter.max_retries.new(backoff_factor=0)
        self._thread = threading.current_thread()
        self._over = False
        self.asked = 0
        """How many requests it has sent."""

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any
    ) -> requests.Response:
        if self._over:
            self.strays.append("after that call had ended")
        elif threading.current_thread() is not self._thread:
            self.strays.append("in another thread")
        self.asked += 1
        return super().request(method, url, *args, **kwargs)

    def close(self) -> None:
        self._over = True
        super().close()


class Tenant:
    """One cell in one mode; each call has an `http` of its own, as in the core.

    Made from `settings` as under `ddns` in the config, and from the secrets' values. ConfigError
    when the mode is not installed.
    """

    def __init__(
        self,
        mode: str,
        domain: str,
        settings: Mapping[str, Any],
        secrets: Mapping[str, str],
        ca_bundle: Path,
    ) -> None:
        self.provider = load_mode(mode)
        self.mode = self.provider.mode
        self.cell = Cell(name=domain.partition(".")[0], mode=mode, domain=domain, services=SERVICES)
        self.settings = msgspec.convert(settings, self.mode.settings)
        declared = frozenset(field.name for field in self.mode.secrets)
        self.secrets = MemorySecrets(declared, secrets)
        self.ca_bundle = ca_bundle
        self.claim: Registration | None = None
        """What is held, as far as this process knows."""

    def with_secrets(self, values: Mapping[str, str]) -> Self:
        """Return the same cell with other secrets."""
        settings = msgspec.to_builtins(self.settings)
        return type(self)(self.mode.name, self.cell.domain, settings, values, self.ca_bundle)

    def register(self) -> Registration:
        with self._session() as http:
            self.claim = self.provider.register(**self._claimant(http))
            return self.claim

    def update_ip(self, registration: Registration, addresses: Addresses) -> Publication:
        with self._session() as http:
            return self.provider.update_ip(addresses, **self._holder(http, registration))

    @contextmanager
    def publisher(self, registration: Registration) -> Iterator[Publisher | None]:
        """Lend the mode's publisher, None where it does not use DNS-01."""
        with self._session() as http:
            publisher = self.provider.publisher(**self._holder(http, registration))
            if http.asked:
                http.strays.append("by the hook publisher, which does no I/O")
            yield publisher

    def teardown(self, registration: Registration) -> bool:
        with self._session() as http:
            there_was = self.provider.teardown(**self._holder(http, registration))
            self.claim = None
            return there_was

    def examine(self, registration: Registration) -> tuple[Finding, ...]:
        """Return what the mode finds of its credentials; nothing where it does not look."""
        with self._session() as http:
            return self.provider.examine(**self._holder(http, registration))

    def _session(self) -> OneCallSession:
        return OneCallSession(str(self.ca_bundle))

    def _claimant(self, http: requests.Session) -> Claimant:
        return Claimant(cell=self.cell, settings=self.settings, http=http, secrets=self.secrets)

    def _holder(self, http: requests.Session, registration: Registration) -> Holder:
        return Holder(**self._claimant(http), registration=registration)
