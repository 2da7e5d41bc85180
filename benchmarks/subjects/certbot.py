"""certbot, as its manual has it: `certonly --standalone`, one certificate after another."""

import shutil
import sys
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.case import Missing, Sample
from benchmarks.measure import measure_orders


def run(arena: Arena, count: int) -> list[Sample]:
    """Get certificates with a new configuration directory; the first makes the account."""
    certbot = shutil.which("certbot", path=str(Path(sys.executable).parent))
    if certbot is None:
        raise Missing(f"`{sys.executable} -m pip install certbot`")
    folder = arena.folder()
    options = [
        *("certonly", "--standalone", "--http-01-port", str(arena.net.http_port)),
        *("--server", arena.pebble.directory, "--key-type", "ecdsa", "--non-interactive"),
        *("--agree-tos", "--register-unsafely-without-email"),
        *("--config-dir", "config", "--work-dir", "work", "--logs-dir", "logs"),
    ]
    command: list[str] = [certbot, *options, "--domain", arena.names(1)[0]]
    if count > 1:
        each = 'names=$1; shift; for name in $names; do "$@" --domain "$name" || exit; done'
        command = ["/bin/sh", "-c", each, "sh", " ".join(arena.names(count)), certbot, *options]
    environment = arena.environment(REQUESTS_CA_BUNDLE=arena.pebble.ca_bundle)
    return [measure_orders(arena, command, environment, folder, count=count)]
