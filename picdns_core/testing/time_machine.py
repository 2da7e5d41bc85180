"""A proxy before Pebble whose clients live in another time."""

import datetime as dt
import email.utils
import functools
import itertools
import json
import threading
import urllib.parse
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509

from .certificates import ServerCertificate
from .pebble import Pebble
from .proxies import FaultProxy
from .renewal_times import NONSENSE, RenewalInfo, serial_in, suggest, suggested, timestamp
from .resigning import Resigner, names_of, pem
from .serving import Reply, Request

_NOT_FOUND = json.dumps(
    {"type": "urn:ietf:params:acme:error:malformed", "detail": "Not found", "status": 404}
).encode()
_OK = 200
_DAY = dt.timedelta(days=1)
_FAR = 365 * _DAY


@dataclass(frozen=True)
class Renewed:
    """A certificate as it was handed out."""

    names: frozenset[str]
    serial: int
    not_before: dt.datetime
    not_after: dt.datetime
    issued_at: dt.datetime
    """The time that was pretended when it was first downloaded."""


class TimeMachine(FaultProxy):
    """Pebble, seen from another time, which a test sets as it likes.

        machine = net.time_machine(net.pebble)
        machine.now += timedelta(days=60)

    Pebble runs in real time, since nothing can fake that for a program in Go. What passes is
    translated: Date headers, the `expires` of orders and authorizations, and certificates, which
    are signed anew below a root of the machine's own and keep everything but dates and issuer.
    The time pretended stands still until it is set.

    Faults see what clients see; `Pebble.restart` and the like work as ever.
    """

    def __init__(self, pebble: Pebble, certificate: ServerCertificate) -> None:
        """Stand before a CA, in the present at first; `certificate` is for the proxy's HTTPS."""
        self.ca_bundle = pebble.ca_bundle
        """PEM file that verifies the HTTPS of the machine; *not* what it signs, see `root`."""
        self.renewal_info: RenewalInfo = "on"
        """How renewal info (RFC 9773) is given, of all certificates.

        `on`: as Pebble says, moved with the certificate. `off`: the directory has no such entry.
        `past`: the window ended yesterday. `far`: it begins a year after the certificate's end.
        `missing`: it is announced and not found. `garbage`: one nonsense after the other.
        """
        self.renewed: list[Renewed] = []
        """Every certificate that was downloaded, once, in the order of first downloads."""
        self._resigner = Resigner()
        self.root = self._resigner.root
        """The PEM of the root that certificates lead to, valid from 2000 until 2100."""
        self._now = dt.datetime.now(dt.UTC)
        self._shifts: dict[int, dt.timedelta] = {}
        self._ends: dict[int, dt.datetime] = {}
        self._chains: dict[int, bytes] = {}
        self._nonsense = itertools.cycle(NONSENSE)
        self._lock = threading.Lock()
        self._directory_path = urllib.parse.urlsplit(pebble.directory).path
        super().__init__(pebble.directory, certificate=certificate, ca_bundle=pebble.ca_bundle)
        self.directory = self.proxied(pebble.directory)
        """The URL of the ACME directory."""

    @property
    def now(self) -> dt.datetime:
        """The time it pretends to be, in UTC."""
        return self._now

    @now.setter
    def now(self, moment: dt.datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("A time machine needs to know the time zone of the moment.")
        self._now = moment.astimezone(dt.UTC)

    def respond(self, request: Request) -> Reply:
        """Answer, always with a Date."""
        reply = super().respond(request)
        return reply if reply.header("Date") else reply.with_headers({"Date": _http_date(self.now)})

    def _ask(self, request: Request) -> Reply:
        path = urllib.parse.urlsplit(request.target).path
        renewal_of = self._renewal_of(request.method, path)
        if renewal_of is not None and self.renewal_info in {"off", "missing"}:
            reply = Reply(404, (("Content-Type", "application/problem+json"),), _NOT_FOUND)
        else:
            reply = super()._ask(request)
        if reply.status == _OK and _is_chain(reply):
            reply = self._resign(reply)
        elif reply.status == _OK and renewal_of is not None:
            reply = replace(reply, body=self._window(renewal_of, reply.body))
        elif _is_json(reply):
            reply = replace(reply, body=self._translate(path, reply.body))
        if retry := _http_date_in(reply.header("Retry-After")):
            reply = reply.with_headers({"Retry-After": _http_date(retry + self._shift())})
        return reply.with_headers({"Date": _http_date(self.now)})

    @functools.cached_property
    def _renewal_path(self) -> str | None:
        """Where the CA has renewal info; Debian's Pebble has none."""
        headers = (("Host", self.address), ("User-Agent", "picdns-testing"))
        url = json.loads(super()._ask(Request("GET", self._directory_path, headers)).body).get(
            "renewalInfo"
        )
        return f"{urllib.parse.urlsplit(url).path}/" if url else None

    def _renewal_of(self, method: str, path: str) -> str | None:
        """Return the identifier of the certificate whose renewal info is asked for."""
        if method != "GET" or path == self._directory_path or self._renewal_path is None:
            return None
        return (
            path.removeprefix(self._renewal_path) if path.startswith(self._renewal_path) else None
        )

    def _shift(self) -> dt.timedelta:
        """Return how far it is, in whole seconds, from the present to the time pretended."""
        return dt.timedelta(seconds=(self.now - dt.datetime.now(dt.UTC)) // dt.timedelta(seconds=1))

    def _resign(self, reply: Reply) -> Reply:
        original = x509.load_pem_x509_certificate(reply.body)
        serial = original.serial_number
        with self._lock:
            if serial not in self._chains:
                shift = self._shift()
                chain = self._resigner.sign(original, shift)
                leaf = chain[0]
                start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
                self._shifts[serial], self._ends[serial] = shift, end
                self._chains[serial] = "".join(map(pem, chain)).encode()
                self.renewed.append(Renewed(names_of(leaf), serial, start, end, self.now))
        headers = tuple(
            (name, value)
            for name, value in reply.headers
            if not (name.lower() == "link" and "alternate" in value)
        )
        return replace(reply, headers=headers, body=self._chains[serial])

    def _window(self, identifier: str, body: bytes) -> bytes:
        serial = serial_in(identifier)
        if self.renewal_info == "past":
            return suggest(self.now - 2 * _DAY, self.now - _DAY)
        if self.renewal_info == "far":
            end = self._ends.get(serial or 0, self.now)
            return suggest(end + _FAR, end + _FAR + _DAY)
        if self.renewal_info == "garbage":
            with self._lock:
                return next(self._nonsense).encode()
        window, shift = suggested(body), self._shifts.get(serial or 0)
        if window is None or shift is None:
            return body
        return suggest(window[0] + shift, window[1] + shift)

    def _translate(self, path: str, body: bytes) -> bytes:
        try:
            content: Any = json.loads(body)
        except ValueError:
            return body
        if not isinstance(content, dict):
            return body
        if path == self._directory_path and self.renewal_info == "off":
            content.pop("renewalInfo", None)
        if isinstance(content.get("expires"), str):
            expires = dt.datetime.fromisoformat(content["expires"])
            content["expires"] = timestamp(expires + self._shift())
        return json.dumps(content).encode()


def _http_date(moment: dt.datetime) -> str:
    return email.utils.format_datetime(moment, usegmt=True)


def _http_date_in(value: str | None) -> dt.datetime | None:
    """Return the moment that a Retry-After names, if it is not in seconds."""
    if value is None or value.isdigit():
        return None
    return email.utils.parsedate_to_datetime(value)


def _is_chain(reply: Reply) -> bool:
    return (reply.header("Content-Type") or "").startswith("application/pem-certificate-chain")


def _is_json(reply: Reply) -> bool:
    return "json" in (reply.header("Content-Type") or "")
