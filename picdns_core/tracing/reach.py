"""Whether connections get through: to the name from here, and to the service behind it."""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from picdns_core import names
from picdns_core.deploy.probe import served_serial
from picdns_core.tracing.legs import Leg, good, note, wrong

if TYPE_CHECKING:
    from picdns_core.job import Job
    from picdns_core.model import Service
    from picdns_core.tracing.subject import Subject

_TIMEOUT = 2.0
_HTTP, _HTTPS = 80, 443
_BAD_GATEWAY = (502, 503, 504)

Outcome = Literal["here", "other", "open", "silent"]
"""Who answers: this cell, somebody else, somebody of whom that is not known, or nobody."""


def ports(job: Job) -> tuple[tuple[Literal["http", "https"], int], ...]:
    """Name the two ports at which the world asks.

    A CA that asks at another port than 80 is that of a local internet, where HTTPS is asked where
    Caddy listens.
    """
    caddy, asked = job.picdns.caddy, job.picdns.acme.http_port
    https = caddy.https_port if caddy and asked != _HTTP else _HTTPS
    return ("http", asked), ("https", https)


def knock(scheme: str, address: str, port: int, subject: Subject) -> Outcome:
    """Ask at an address for the name as a stranger would, and tell who answers."""
    try:
        with socket.create_connection((address, port), _TIMEOUT):
            pass
    except OSError:
        return "silent"
    if scheme == "https":
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        stored, serial = subject.certificate, served_serial(where, subject.name)
        if stored is None:
            return "open"
        return "here" if serial == stored.meta.serial else "other"
    location = _redirect(address, port, subject.name)
    return "here" if urlsplit(location).scheme == "https" else "other"


def port_leg(scheme: str, address: str, port: int, outcome: Outcome | None) -> Leg:
    """Say what knocking came to; None where it did not end in time."""
    outcome = outcome or "silent"
    where = f"{address} port {port}"
    facts = {"address": address, "port": port, "scheme": scheme, "outcome": outcome}
    if outcome == "here":
        return good("port", f"{where} leads here: asked from this host itself", **facts)
    if outcome == "open":
        return note("port", f"{where} is open, as seen from this host itself", **facts)
    if outcome == "other":
        return wrong(
            "port",
            f"{where} is answered by something else than this cell, as seen from this host",
            f"Forward port {port} to Caddy in the router, and see that the router's own web page "
            "does not listen there. Some routers answer themselves only those who ask from inside: "
            "look from elsewhere, as from a phone on mobile data.",
            **facts,
        )
    return note(
        "port",
        f"{where} is not reachable from here. Many routers cannot reach themselves (NAT loopback), "
        "so that is no fault by itself",
        "Look from elsewhere, as from a phone on mobile data; if it does not work there, forward "
        f"port {port} to Caddy in the router and in the firewall.",
        **facts,
    )


def upstream_leg(job: Job, service: Service) -> Leg:
    """Say whether the service behind the name accepts connections."""
    said = f"{service.name} at {service.upstream}"
    host, port = _endpoint(service.upstream)
    facts = {"upstream": service.upstream}
    try:
        with socket.create_connection((host, port), _TIMEOUT):
            return good("upstream", f"{said} accepts connections", **facts)
    except OSError as error:
        reason = error.strerror or str(error)
    status = _through_caddy(job, f"{service.name}.cell")
    if status is not None and status not in _BAD_GATEWAY:
        text = f"{said} cannot be reached from here ({reason}), but Caddy reaches it"
        return good("upstream", text, **facts)
    if status is None and not _is_literal(host):
        text = f"{said} cannot be reached from here ({reason}); Caddy may, in a network of its own"
        return note("upstream", text, **facts)
    return wrong(
        "upstream",
        f"{said} accepts no connections: {reason}",
        f"Start {service.name}, or correct its upstream in `services` and run `picdns up`.",
        **facts,
    )


def _endpoint(upstream: str) -> tuple[str, int]:
    scheme, separator, rest = upstream.rpartition("://")
    if not separator:
        return names.host_port(rest)
    parts = urlsplit(upstream)
    return parts.hostname or "", parts.port or (_HTTPS if scheme == "https" else _HTTP)


def _is_literal(host: str) -> bool:
    return names.is_address(host) or host == "localhost"


def _redirect(address: str, port: int, name: str) -> str:
    """Return where the root page of a name leads over plain HTTP; "" where nowhere."""
    try:
        with closing(http.client.HTTPConnection(address, port, timeout=_TIMEOUT)) as connection:
            connection.request("HEAD", "/", headers={"Host": name})
            return connection.getresponse().getheader("Location", "")
    except (OSError, http.client.HTTPException):
        return ""


def _through_caddy(job: Job, name: str) -> int | None:
    """Return the status with which Caddy answers for a service; None when it does not."""
    if (probe := job.deployment.probe) is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(names.host_port(probe), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
            closing(http.client.HTTPConnection(name)) as connection,
        ):
            connection.sock = secured
            connection.request("HEAD", "/")
            return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
