"""Those who prove a domain and all names below it in DNS, at a stand-in for Cloudflare."""

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.arena import DOMAIN, Arena
from benchmarks.case import Missing, Sample
from benchmarks.measure import SubjectFailed, measure_orders

if TYPE_CHECKING:
    from picdns_core.testing.services.cloudflare import Cloudflare

_HERE = Path(__file__).parent
_PROOF = "_acme-challenge"


@dataclass(frozen=True)
class Command:
    """A Python script with its arguments, and what it needs in its environment."""

    script: Path
    arguments: tuple[object, ...]
    environment: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where one run happens; `directory` is the CA's, by whichever way."""

    arena: Arena
    cloudflare: "Cloudflare"
    directory: str
    folder: Path


Subject = Callable[[Place], Command]


@contextmanager
def zone_at_cloudflare(arena: Arena, *, propagation: float = 0.0) -> Iterator["Cloudflare"]:
    """Start an account with the domain, whose zone follows so many seconds later."""
    with arena.net.cloudflare(DOMAIN) as cloudflare:
        cloudflare.propagation = propagation
        yield cloudflare
    arena.net.zone(DOMAIN).delete(_PROOF, "TXT")  # what it was still to remove later


def run(place: Place, subject: Subject) -> Sample:
    """Measure a subject; see that it leaves no proof, and count what it asks of whom."""
    command, result = subject(place), place.folder / "questions"
    counted = (sys.executable, _HERE / "questions.py", result, command.script)
    sample = measure_orders(
        place.arena,
        [str(part) for part in (*counted, *command.arguments)],
        place.arena.environment(**command.environment),
        place.folder,
        count=1,
    )
    if left := [one for one in place.cloudflare.records(DOMAIN) if one["type"] == "TXT"]:
        raise SubjectFailed(f"`{command.script}` left {len(left)} TXT values in the zone.")
    return dataclasses.replace(
        sample,
        api_requests=len(place.cloudflare.requests),
        dns_questions=int(result.read_text()),
    )


def floor(place: Place) -> Command:
    """Do it with a script that is told everything, the zone's name server among it."""
    pebble, cloudflare = place.arena.pebble, place.cloudflare
    [server] = place.arena.net.zone(DOMAIN).servers
    ca = (place.directory, pebble.ca_bundle)
    api = (cloudflare.api_url, cloudflare.default_token)
    where = (server.address, server.port, place.folder, DOMAIN)
    return Command(_HERE / "floor_dns.py", (*ca, *api, *where))


def picdns(place: Place) -> Command:
    """Call `renew` in a new cell, which registers and makes the account first."""
    settings = place.arena.net.settings(place.arena.pebble)
    settings["acme"]["directory"] = place.directory
    config = {
        "cell_name": "home",
        "domain_mode": "cloudflare",
        "domain_name": DOMAIN,
        "ddns": {"api_url": place.cloudflare.api_url, "token": place.cloudflare.default_token},
        "picdns": settings,
    }
    file = place.folder / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return Command(_HERE / "as_library.py", (place.folder, "renew", DOMAIN))


def certbot(place: Place, *more: str) -> Command:
    """Call certbot as the manual of certbot-dns-cloudflare has it, with `more` options."""
    if importlib.util.find_spec("certbot_dns_cloudflare") is None:
        raise Missing(f"`{sys.executable} -m pip install certbot-dns-cloudflare`")
    credentials = place.folder / "cloudflare.ini"
    credentials.touch(mode=0o600)
    credentials.write_text(f"dns_cloudflare_api_token = {place.cloudflare.default_token}\n")
    bundle = place.arena.pebble.ca_bundle
    return Command(
        Path(sys.executable).with_name("certbot"),
        (
            *("certonly", "--dns-cloudflare", "--dns-cloudflare-credentials", credentials, *more),
            *("--server", place.directory, "--key-type", "ecdsa", "--non-interactive"),
            *("--agree-tos", "--register-unsafely-without-email"),
            *("--config-dir", "config", "--work-dir", "work", "--logs-dir", "logs"),
            *("--domain", DOMAIN, "--domain", f"*.{DOMAIN}"),
        ),
        {
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "CLOUDFLARE_BASE_URL": place.cloudflare.api_url,
        },
    )


def certbot_at_once(place: Place) -> Command:
    """Tell certbot not to wait, which works where a zone follows at once."""
    return certbot(place, "--dns-cloudflare-propagation-seconds", "0")
