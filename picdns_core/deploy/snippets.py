"""For a host that keeps its own Caddyfile: a file of snippets that it imports."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from picdns_core import names
from picdns_core.deploy import originals
from picdns_core.deploy.caddy import Config
from picdns_core.deploy.caddyfile import (
    MARK,
    Theirs,
    block,
    challenge,
    quoted,
    services,
    tls,
    wildcards,
)
from picdns_core.deploy.deployment import Serving
from picdns_core.deploy.live import CaddyDeployment
from picdns_core.errors import ConfigError, DeployFailed

_DEFAULT_ADMIN = "localhost:2019"
_LOCAL = ("localhost", "127.0.0.1", "::1")


def render(servings: Sequence[Serving], webroot: str, theirs: Theirs) -> str:
    """Return the snippets, as `caddy fmt` would leave them.

    `picdns_challenge` answers the CA, `picdns_domain` loads the certificate for the domain and
    every name below it, `picdns_tls_<service>` those of one service. All of them are there from
    the start, and are empty while there is no certificate.
    """
    snippets = {
        "picdns_challenge": challenge(theirs(webroot)),
        "picdns_domain": tls(list(wildcards(servings)), theirs),
    }
    for site in services(servings):
        snippets[f"picdns_tls_{site.service}"] = tls(list(site.names.values()), theirs)
    blocks = [block(f"({name})", lines) for name, lines in snippets.items()]
    return originals.sealed(MARK, "\n".join(blocks))


class SnippetsDeployment(CaddyDeployment):
    """How certificates go live through the host's own Caddyfile, which is never written.

    The snippets are written, Caddy checks and loads the host's Caddyfile, which imports them, and
    is probed. When that fails, the snippets are as before.
    """

    _HINT = (
        "See that your Caddyfile imports `picdns_domain` or `picdns_tls_<service>` in each site, "
        "and check picdns.caddy.probe and https_port."
    )

    def _written_path(self) -> Path:
        path = Path(os.path.realpath(self._root / (self._settings.snippets or "")))
        if path == Path(os.path.realpath(self._root / self._settings.caddyfile)):
            raise ConfigError(
                "picdns.caddy.snippets",
                "is the Caddyfile itself.",
                hint="Give the snippets a file of their own, and let your Caddyfile import it.",
            )
        return path

    def _render(self, servings: Sequence[Serving]) -> str:
        return render(servings, str(self._store.webroot), self._theirs)

    def _caddyfile(self, text: str) -> str:  # noqa: ARG002 - the host's Caddyfile imports it
        # By its name, so that what it imports is found beside it, and Caddy's words name it.
        return f"import {quoted(self._theirs(self._settings.caddyfile))}\n"

    def _take(self, text: str, before: str | None, undo: ExitStack) -> None:
        self._write(text, undo)  # the host's Caddyfile cannot be checked without it
        self._use(text, before, undo)

    def _accept(self, config: Config) -> None:
        """Refuse a config that would take the admin endpoint away from us, for good."""
        admin = config.get("admin") or {}
        listen = "off" if admin.get("disabled") else admin.get("listen") or _DEFAULT_ADMIN
        if not _reaches(self._settings.admin, listen):
            raise DeployFailed(
                f"With your Caddyfile, Caddy's admin endpoint would be {listen}, and we would not "
                "reach it again. What is served stays so.",
                hint=f"Write `admin {self._settings.admin}` into its global options.",
            )


def _reaches(ours: str, listen: str) -> bool:
    """Say whether who connects to `ours` may meet one that listens there."""
    try:
        (our_host, our_port), (host, port) = names.host_port(ours), names.host_port(listen)
    except ValueError:
        return listen.startswith(":") and listen.removeprefix(":") == ours.rpartition(":")[2]
    return port == our_port and (host not in _LOCAL or our_host in _LOCAL)
