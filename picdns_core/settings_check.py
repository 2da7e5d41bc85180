"""What the types of the settings cannot say: addresses, networks, names, and how they fit."""

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from picdns_core import names
from picdns_core.errors import ConfigError
from picdns_core.model import Cell
from picdns_core.settings import CaddySettings, CoreDnsSettings, PicdnsSettings

_SNIPPET = re.compile(r"[A-Za-z0-9_-]+")
_CONTAINER = re.compile(r"docker:[A-Za-z0-9][A-Za-z0-9_.-]*")
_SECURED = re.compile(r"tls://(?P<ip>[^%\[\]]+)%(?P<name>[^:%]+)(:(?P<port>[0-9]{1,5}))?")
_MOST_UPSTREAMS = 15  # that CoreDNS forwards to
_MAX_PORT = 65535


def check(picdns: PicdnsSettings, cell: Cell) -> None:
    """Look at what is below `picdns` for this cell; ConfigError names the key and the mend."""
    for index, address in enumerate(picdns.dns.roots):
        if not names.is_address(address):
            raise ConfigError(
                f"picdns.dns.roots[{index}]",
                f"{address!r} is not an IP address.",
                hint="Name servers are given by their addresses; leave it out on the internet.",
            )
    if picdns.metrics is not None:
        _check_endpoint("picdns.metrics.listen", picdns.metrics.listen)
    if picdns.caddy is not None:
        _check_caddy(picdns.caddy)
    if picdns.coredns is not None:
        _check_coredns(picdns.coredns, cell)


def _check_caddy(caddy: CaddySettings) -> None:
    for key in ("caddyfile", "snippets", "include"):
        path = getattr(caddy, key)
        if path is not None and not (path and path.isprintable()):
            raise ConfigError(
                f"picdns.caddy.{key}", "is no file's name.", hint="As config/caddy/Caddyfile."
            )
    for key in ("admin", "probe"):
        _check_endpoint(f"picdns.caddy.{key}", getattr(caddy, key))


def _check_coredns(coredns: CoreDnsSettings, cell: Cell) -> None:
    given = coredns.vpn_address
    addresses = (given,) if isinstance(given, str) else given
    _check_addresses("vpn_address", addresses)
    if not addresses or len({ip_address(one).version for one in addresses}) < len(addresses):
        raise _wrong("vpn_address", "is not one IPv4, one IPv6 or both.", "As 10.8.0.1.")
    _check_networks(coredns.vpn_networks)
    _check_addresses("listen", coredns.listen)
    _check_upstreams(coredns.upstreams)
    _check_public_names(coredns.public_names, cell)
    for key, path in (("corefile", coredns.corefile), ("zones", coredns.zones)):
        if not path or not path.isprintable():
            raise _wrong(key, "is no file's name.", "As config/coredns/Corefile.")
    if coredns.include is not None and (not coredns.include or coredns.include.count("*") > 1):
        raise _wrong(
            "include",
            "is neither a file nor a pattern with one *.",
            "As config/coredns/own/*.conf.",
        )
    for index, name in enumerate(coredns.snippets):
        if not _SNIPPET.fullmatch(name):
            raise _wrong(f"snippets[{index}]", f"{name!r} is no snippet's name.", "As `linked`.")
    _check_endpoint("picdns.coredns.probe", coredns.probe)
    if isinstance(coredns.reload, str) and not _CONTAINER.fullmatch(coredns.reload):
        raise _wrong(
            "reload",
            f"{coredns.reload!r} is not docker:<container>.",
            'A command is a list of words, as ["systemctl", "kill", "--signal=USR1", "coredns"].',
        )
    if isinstance(coredns.reload, tuple) and not (coredns.reload and coredns.reload[0]):
        raise _wrong("reload", "is a command without a word.", "Name a program, or docker:<name>.")


def _check_networks(networks: Iterable[str]) -> None:
    given = tuple(networks)
    if not given:
        raise _wrong("vpn_networks", "is empty, so nobody would be answered.", "As 10.8.0.0/24.")
    for index, text in enumerate(given):
        key = f"vpn_networks[{index}]"
        try:
            loose = ip_network(text, strict=False)
        except ValueError:
            raise _wrong(key, f"{text!r} is not a network.", "As 10.8.0.0/24.") from None
        if "%" in text:
            raise _wrong(key, f"{text!r} has a zone.", "Leave out what begins with %.")
        if loose.network_address != ip_address(text.partition("/")[0]):
            raise _wrong(key, f"{text} is an address in a network.", f"Write {loose}.")
        if loose.prefixlen == 0:
            raise _wrong(key, f"{text} is the whole internet.", "Name the networks of the VPN.")


def _check_upstreams(upstreams: tuple[str, ...]) -> None:
    if not 0 < len(upstreams) <= _MOST_UPSTREAMS:
        raise _wrong(
            "upstreams", f"has not 1 to {_MOST_UPSTREAMS} resolvers.", "As 9.9.9.9, IP or IP:port."
        )
    for index, text in enumerate(upstreams):
        if not (_is_secured(text) if text.startswith("tls:") else _is_plain(text)):
            raise _wrong(
                f"upstreams[{index}]",
                f"{text!r} is not the address of a resolver.",
                "As 9.9.9.9, 9.9.9.9:53, [2620:fe::fe]:53, or tls://9.9.9.9%dns.quad9.net with "
                "the server's name.",
            )


def _is_plain(text: str) -> bool:
    if names.is_address(text):
        return "%" not in text
    try:
        host, _ = names.host_port(text)
    except ValueError:
        return False
    return names.is_address(host)


def _is_secured(text: str) -> bool:
    found = _SECURED.fullmatch(text)
    try:
        return bool(
            found
            and names.is_address(found["ip"])
            and ":" not in found["ip"]  # CoreDNS could not tell its port
            and names.domain(found["name"]) == found["name"]
            and 0 < int(found["port"] or 1) <= _MAX_PORT
        )
    except ValueError:
        return False


def _check_public_names(public: Iterable[str], cell: Cell) -> None:
    services = {service.name for service in cell.services}
    for index, name in enumerate(public):
        key = f"public_names[{index}]"
        try:
            full = names.domain(f"{name}.{cell.domain}")
        except ValueError as error:
            raise _wrong(key, f"{error}.", "As `shop`, without the domain.") from None
        if full != f"{name}.{cell.domain}" or name.endswith(f".{cell.domain}"):
            raise _wrong(key, f"{name!r} is not a name below the domain.", "As `shop`.")
        if name in services:
            raise _wrong(key, f"{name} is a service of the cell.", "Take it out of one of both.")


def _check_addresses(key: str, addresses: Iterable[str]) -> None:
    for text in addresses:
        if not names.is_address(text) or "%" in text:
            raise _wrong(key, f"{text!r} is not an IP address.", "As 10.8.0.1.")


def _check_endpoint(key: str, value: str | None) -> None:
    try:
        if value is not None:
            names.host_port(value)
    except ValueError as error:
        raise ConfigError(key, f"{error}.", hint="As `127.0.0.1:2019`.") from None


def _wrong(key: str, message: str, hint: str) -> ConfigError:
    return ConfigError(f"picdns.coredns.{key}", message, hint=hint)
