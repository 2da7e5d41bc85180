"""Bring a cell up on this machine alone: first in `lan`, then in `http01` against a local CA.

Prints each command with what it says, and a proof: the verified TLS answer of every service.
Writes the same as `build/demo.json`. Needs no internet and no root.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from picdns_core.testing import Caddy, LocalInternet, ServerMissing

SERVICES = ("files", "photos", "calendar")
BUILD = Path(__file__).resolve().parent.parent / "build"
ROOT = BUILD / "demo"


def main() -> int:
    """Run every mode that this machine has the servers for."""
    shutil.rmtree(ROOT, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    results: list[dict[str, Any]] = []
    skipped: list[str] = []
    with LocalInternet() as net:
        services = [f"{name}={net.backend(name).address}" for name in SERVICES]
        for mode in (lan, http01):
            try:
                results.append(mode(net, services))
            except ServerMissing as missing:
                skipped.append(mode.__name__)
                print(f"\nSkipped {mode.__name__}: {missing}")
    (BUILD / "demo.json").write_text(json.dumps(results, indent=2) + "\n")
    for one in results:
        served = f"{len(one['names'])} names served and verified"
        print(f"\n{one['mode']:8} {one['seconds']:5.2f} s   {served}, issued by {one['issuer']}")
    print(f"\nWritten to build/demo.json; the cell is in {ROOT.relative_to(BUILD.parent)}.")
    if not results:
        print("No mode could be shown: see above what to install.")
    return 0 if results else 1


def lan(net: LocalInternet, services: list[str]) -> dict[str, Any]:
    """Certificates from the cell's own CA."""
    print("\n=== lan: the cell's own CA, no internet ===")
    caddy = net.caddy(ROOT / "config/caddy/Caddyfile")
    return bring_up(net, caddy, "lan", "home.cell", services, {})


def http01(net: LocalInternet, services: list[str]) -> dict[str, Any]:
    """Certificates from a public CA, here a local Pebble, which comes to the HTTP port."""
    print("\n=== http01: the same cell, one certificate per service from an ACME CA ===")
    pebble = net.pebble
    caddy = net.caddy(ROOT / "config/caddy/Caddyfile")
    settings = {
        "picdns.acme.directory": pebble.directory,
        "picdns.acme.ca_bundle": str(pebble.ca_bundle),
        "picdns.acme.http_port": str(net.http_port),
    }
    return bring_up(net, caddy, "http01", "home.test", services, settings)


def bring_up(
    net: LocalInternet,
    caddy: Caddy,
    mode: str,
    domain: str,
    services: list[str],
    settings: dict[str, str],
) -> dict[str, Any]:
    """Do what an admin does: init, up, status; then ask every service over TLS."""
    ports = {
        "picdns.caddy.admin": caddy.admin,
        "picdns.caddy.http_port": str(caddy.http_port),
        "picdns.caddy.https_port": str(caddy.https_port),
    }
    began = time.monotonic()
    picdns(
        *("init", "--cell-name", "home", "--mode", mode, "--domain", domain),
        *(word for service in services for word in ("--service", service)),
        *(word for key in (settings | ports).items() for word in ("--set", "=".join(key))),
    )
    picdns("up")
    seconds = time.monotonic() - began
    picdns("status")
    certificates = json.loads(quiet("status", "--json"))["certificates"]
    internal = quiet("ca", "--format", "pem")
    served: dict[str, str] = {}
    for name in SERVICES:
        for host in (f"{name}.{domain}", f"{name}.cell"):
            public = mode == "http01" and host.endswith(domain)
            answer = caddy.get(host, ca=net.pebble.root() if public else internal)
            served[host] = f"{answer.serial:x}"
            print(f"https://{host:22} {answer.status} {answer.body!r:12} {answer.issuer}")
    caddy.close()
    return {
        "mode": mode,
        "seconds": round(seconds, 2),
        "names": list(served),
        "issuer": certificates[0]["issuer"],
        "served": list(served.values()),
    }


def picdns(*words: str) -> None:
    """Run a command, shown as it would be typed."""
    print(f"\n$ picdns {' '.join(words)}", flush=True)
    subprocess.run(command(*words), check=True)


def quiet(*words: str) -> str:
    """Run a command for what it prints."""
    return subprocess.run(command(*words), check=True, capture_output=True, text=True).stdout


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "picdns_core.cli", "--root", str(ROOT), *words]


if __name__ == "__main__":
    sys.exit(main())
