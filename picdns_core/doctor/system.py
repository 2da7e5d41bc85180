"""What is to be typed on the system at hand."""

import shutil
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")
_IN_A_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))

_INSTALL = {
    "debian": "sudo apt-get install -y chrony && sudo systemctl enable --now chrony",
    "fedora": "sudo dnf install -y chrony && sudo systemctl enable --now chronyd",
    "rhel": "sudo dnf install -y chrony && sudo systemctl enable --now chronyd",
    "suse": "sudo zypper install -y chrony && sudo systemctl enable --now chronyd",
    "arch": "sudo pacman -S --noconfirm chrony && sudo systemctl enable --now chronyd",
    "alpine": "sudo apk add chrony && sudo rc-update add chronyd default && sudo service chronyd "
    "start",
}


def chrony() -> str:
    """Say how the clock is set right, and kept so, on this system."""
    if any(one.exists() for one in _IN_A_CONTAINER):
        return "A container has the clock of its host: set it right there, as with chrony."
    if shutil.which("chronyc"):
        return "Set it now: `sudo chronyc makestep`; `chronyc tracking` says how it is kept."
    for system in _systems():
        if command := _INSTALL.get(system):
            return f"Install and start chrony: `{command}`."
    return "Install and start chrony, or another program that speaks NTP."


def _systems() -> list[str]:
    """Name the system and those that it is like, by os-release (freedesktop.org)."""
    try:
        lines = OS_RELEASE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return " ".join(fields.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")).split()
