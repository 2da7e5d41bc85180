"""What this host itself knows of its addresses; no packet is sent."""

import socket
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from picdns_core.address.finding import Address

INTERFACES = Path("/proc/net/if_inet6")

# include/uapi/linux/if_addr.h: temporary, DAD failed, deprecated, tentative
_PASSING = 0x01 | 0x08 | 0x20 | 0x40
_GLOBAL = 0x00
_DISCARD = 9  # any port does: nothing is sent


def leaving_address(server: str) -> Address | None:
    """Return the address from which packets to an IP address leave; None when there is no way."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((server, _DISCARD))
            return ip_address(probe.getsockname()[0])
    except OSError:
        return None


def lasting_ipv6(interface: str | None) -> tuple[tuple[IPv6Address, str], ...]:
    """Return the addresses of global scope that stay, each with its interface, in fixed order.

    Temporary ones (RFC 8981) change within a day, deprecated ones are on their way out, tentative
    ones may turn out to be somebody else's. `interface` is its name, None for all.
    """
    try:
        table = INTERFACES.read_text()
    except OSError:  # a kernel without IPv6
        return ()
    found = []
    for line in table.splitlines():
        digits, _, _, scope, flags, name = line.split()
        lasting = int(scope, 16) == _GLOBAL and not int(flags, 16) & _PASSING
        if lasting and interface in (None, name):
            found.append((IPv6Address(bytes.fromhex(digits)), name))
    return tuple(sorted(found))
