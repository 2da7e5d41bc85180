"""Bring a cell up on this machine alone, in each of the five modes in turn.

Prints each command with what it says, and a proof: the verified TLS answer of every service.
Writes the same as `build/demo.json`. The CA, the DNS and the services of the DNS modes are on this
machine; it needs no internet and no root.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from picdns_core.deploy import resolve
from picdns_core.testing import Caddy, CoreDns, LocalInternet, ServerMissing

VPN_ADDRESS = "127.8.0.1"
SERVICES = ("files", "photos", "calendar")
BUILD = Path(__file__).resolve().parent.parent / "build"
ROOT = BUILD / "demo"

Setup = tuple[str, dict[str, str], dict[str, str]]
"""The domain of a cell, its settings, and its secrets."""


def main() -> int:
    """Run every mode that this machine has the servers for."""
    shutil.rmtree(ROOT, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    results: list[dict[str, Any]] = []
    with LocalInternet() as net:
        services = [f"{name}={net.backend(name).address}" for name in SERVICES]
        for mode in (lan, http01, pic_ngo, cloudflare, duckdns):
            print(f"\n=== {mode.__name__}: {mode.__doc__}")
            try:
                results.append(bring_up(net, mode.__name__, services, *mode(net)))
            except ServerMissing as missing:
                print(f"Skipped {mode.__name__}: {missing}")
    (BUILD / "demo.json").write_text(json.dumps(results, indent=2) + "\n")
    print()
    for one in results:
        served = f"{len(one['names'])} names served and verified"
        print(f"{one['mode']:10} {one['seconds']:5.2f} s   {served}, issued by {one['issuer']}")
    print(f"\nWritten to build/demo.json; the cells are in {ROOT.relative_to(BUILD.parent)}.")
    if not results:
        print("No mode could be shown: see above what to install.")
    return 0 if results else 1


def lan(_: LocalInternet) -> Setup:
    """The cell's own CA, no internet."""
    return "home.cell", {}, {}


def http01(net: LocalInternet) -> Setup:
    """A domain of one's own, one certificate per service from an ACME CA."""
    return "home.test", public(net), {}


def pic_ngo(net: LocalInternet) -> Setup:
    """A name that ddns.pic.ngo gives, registered by TOTP; one wildcard, proven in DNS."""
    service = net.pic_ngo()
    service.also_global = ["127.0.0.0/8"]
    secrets = {"totp_secret": service.totp_secret}
    return "home.pic.ngo", public(net) | {"api_url": service.url}, secrets


def cloudflare(net: LocalInternet) -> Setup:
    """A domain at Cloudflare; one wildcard, proven in DNS."""
    service = net.cloudflare("home.test")
    secrets = {"token": service.default_token}
    return "home.test", public(net) | {"api_url": service.api_url}, secrets


def duckdns(net: LocalInternet) -> Setup:
    """A name at DuckDNS; one wildcard, proven in DNS."""
    service = net.duckdns()
    secrets = {"token": service.account("home")}
    return "home.duckdns.org", public(net) | {"api_url": service.url}, secrets


def public(net: LocalInternet) -> dict[str, str]:
    """Return the settings by which a cell finds the CA, the DNS and the address of this machine."""
    echoes = net.echoes()
    echoes.see(ipv4="127.0.0.1", ipv6=None)
    return {
        f"picdns.{section}.{key}": value if isinstance(value, str) else json.dumps(value)
        for section, settings in net.settings(echoes=echoes).items()
        for key, value in settings.items()
    }


def bring_up(
    net: LocalInternet,
    mode: str,
    services: list[str],
    domain: str,
    settings: dict[str, str],
    secrets: dict[str, str],
) -> dict[str, Any]:
    """Do what an admin does: init, up, status; then ask every service over TLS."""
    root = ROOT / mode
    caddy = net.caddy(root / "config/caddy/Caddyfile")
    settings |= {
        "picdns.caddy.admin": caddy.admin,
        "picdns.caddy.http_port": str(caddy.http_port),
        "picdns.caddy.https_port": str(caddy.https_port),
    }
    root.mkdir(parents=True, exist_ok=True)
    coredns = net.coredns(root / "config/coredns/Corefile")
    settings["picdns.coredns"] = json.dumps(inside(net, coredns))
    for name, secret in secrets.items():
        (root / name).touch(mode=0o600)
        (root / name).write_text(secret)
    began = time.monotonic()
    picdns(
        root,
        *("init", "--cell-name", "home", "--mode", mode, "--domain", domain),
        *(word for service in services for word in ("--service", service)),
        *(word for name in secrets for word in ("--secret", f"{name}=@{root / name}")),
        *(word for key in settings.items() for word in ("--set", "=".join(key))),
    )
    picdns(root, "up")
    seconds = time.monotonic() - began
    picdns(root, "status")
    certificates = json.loads(quiet(root, "status", "--json"))["certificates"]
    internal = quiet(root, "ca", "--format", "pem")
    served: dict[str, str] = {}
    for name in SERVICES:
        for host in (f"{name}.{domain}", f"{name}.cell"):
            public = mode != "lan" and host.endswith(domain)
            answer = caddy.get(host, ca=net.pebble.root() if public else internal)
            served[host] = f"{answer.serial:x}"
            print(f"https://{host:24} {answer.status} {answer.body!r:12} {answer.issuer}")
    answers = same_url(net, caddy, coredns, f"{SERVICES[0]}.{domain}", served, internal)
    coredns.close()
    caddy.close()
    return {
        "mode": mode,
        "seconds": round(seconds, 2),
        "names": list(served),
        "issuer": certificates[0]["issuer"],
        "served": list(served.values()),
        "answers": answers,
    }


def inside(net: LocalInternet, coredns: CoreDns) -> dict[str, Any]:
    """Return what a cell is told of its CoreDNS; this machine is the VPN."""
    return {
        "vpn_address": VPN_ADDRESS,
        "vpn_networks": ["127.0.0.0/16"],
        "upstreams": [net.unbound.resolver],
        "listen": [coredns.address],
        "port": coredns.port,
        "probe": coredns.probe,
        "reload": ["kill", "-USR1", str(coredns.pid)],
    }


def same_url(
    net: LocalInternet,
    caddy: Caddy,
    coredns: CoreDns,
    name: str,
    served: dict[str, str],
    internal: str,
) -> dict[str, str | None]:
    """Fetch one URL as a device on the VPN does, and as one elsewhere, each by its own DNS."""
    answers: dict[str, str | None] = {}
    print(f"\nThe same URL, https://{name}")
    for where, server in (("inside", coredns.probe), ("outside", net.unbound.resolver)):
        heard = resolve.ask(server, name, "A")
        address = answers[where] = next(iter(heard.values), None)
        if address is None:
            print(f"  {where:8} DNS says {heard.rcode}: it is not there")
            continue
        ca = internal if name.endswith(".cell") else net.pebble.root()
        answer = caddy.get(name, ca=ca, address=address)
        same = "the same certificate" if f"{answer.serial:x}" == served[name] else "ANOTHER one"
        print(f"  {where:8} DNS says {address:10} {answer.status} {answer.body!r}, {same}")
    return answers


def picdns(root: Path, *words: str) -> None:
    """Run a command, shown as it would be typed."""
    print(f"\n$ picdns {' '.join(words)}", flush=True)
    subprocess.run(command(root, *words), check=True)


def quiet(root: Path, *words: str) -> str:
    """Run a command for what it prints."""
    return subprocess.run(command(root, *words), check=True, capture_output=True, text=True).stdout


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "picdns_core.cli", "--root", str(root), *words]


if __name__ == "__main__":
    sys.exit(main())
