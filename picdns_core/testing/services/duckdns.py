"""A stand-in for DuckDNS: its update API, and the DNS records that follow from it."""

import ipaddress
import itertools
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from picdns_core.testing.certificates import ServerCertificate
from picdns_core.testing.services.standin import StandIn
from picdns_core.testing.zone import Zone

_TTL = 60  # seconds, as DuckDNS's name servers say
_CLIENT = "127.0.0.1"  # whom it sees: it listens there only

# What its web server says of a page that is not there, and in outages of every page
# (home-assistant/addons#4144).
_JETTY = "<html><body><h2>HTTP ERROR 404 Not Found</h2><hr>Powered by Jetty://</body></html>\n"


@dataclass(frozen=True)
class _Held:
    """What one label has; empty where there is nothing. There is one TXT value, never two."""

    ipv4: str = ""
    ipv6: str = ""
    txt: str = ""


class DuckDns(StandIn):
    """Answers as https://www.duckdns.org/spec.jsp says, and as its users found it to be.

        duck = net.duckdns()
        token = duck.account("home", "holiday")
        requests.get(f"{duck.url}/update", params={"domains": "home", "token": token, ...})

    A label's records are at the label and at all names below it.
    """

    def __init__(self, zone: Zone, certificate: ServerCertificate) -> None:
        """Stand for DuckDNS with this zone, in which nobody has a label yet."""
        self.propagation = 0.0
        """Seconds by which DNS is behind the API, which answers at once."""
        self._zone = zone
        self._lock = threading.RLock()
        self._owners: dict[str, str] = {}
        self._held: dict[str, _Held] = {}
        self._published: dict[str, tuple[int, _Held]] = {}
        self._numbers = itertools.count()
        self._timers: list[threading.Timer] = []
        # Zones of the harness begin with a wildcard; at DuckDNS a label that nobody has is nowhere.
        zone.delete("*", "A")
        super().__init__(_application(self), certificate)

    def account(self, *labels: str) -> str:
        """Open an account with these labels, which have no records yet; returns its token."""
        token = str(uuid.uuid4())
        with self._lock:
            if taken := self._owners.keys() & set(labels):
                raise ValueError(f"somebody has {', '.join(sorted(taken))} already")
            for label in labels:
                self._owners[label] = token
                self._held[label] = _Held()
                self._published[label] = (-1, _Held())
        return token

    def update(self, asked: Mapping[str, str]) -> str:
        """Do what the parameters of a request ask for; returns the body of the answer."""
        # The whole name is taken as well as its label (the spec; lego and certbot send the name).
        labels = [name.removesuffix(".duckdns.org") for name in asked.get("domains", "").split(",")]
        with self._lock:
            own = {one for one, owner in self._owners.items() if owner == asked.get("token")}
            if not own.issuperset(labels):
                return "KO"  # no reason is given, ever (acmesh-official/acme.sh#3970)
            try:
                change = _change(asked)
            except ValueError:
                return "KO"  # the spec asks for valid addresses, and knows no other refusal
            before = {label: self._held[label] for label in labels}
            for label, held in before.items():
                self._held[label] = replace(held, **change)
                if self._held[label] != held:
                    self._follow(label, self._held[label])
            changed = any(self._held[label] != held for label, held in before.items())
        # Clients compare all of a plain body with "OK": no line end.
        return _verbose(asked, change, changed) if asked.get("verbose") == "true" else "OK"

    def close(self) -> None:
        """Stop, leaving undone what DNS is behind with; safe twice."""
        super().close()
        for timer in self._timers:
            timer.cancel()
            timer.join()

    def _follow(self, label: str, held: _Held) -> None:
        """Bring DNS up to date, now or later."""
        number = next(self._numbers)
        if not self.propagation:
            self._publish(label, held, number)
            return
        timer = threading.Timer(self.propagation, self._publish, (label, held, number))
        self._timers = [*(other for other in self._timers if other.is_alive()), timer]
        timer.start()

    def _publish(self, label: str, held: _Held, number: int) -> None:
        """Write what differs from what is published, unless that is newer."""
        with self._lock:
            latest, published = self._published[label]
            if number < latest:
                return
            self._published[label] = (number, held)
            for rdtype, field in (("A", "ipv4"), ("AAAA", "ipv6"), ("TXT", "txt")):
                value = getattr(held, field)
                if value != getattr(published, field):
                    # All names below the label answer as it does (the sources of lego and acme.sh).
                    for name in (label, f"*.{label}"):
                        self._put(name, rdtype, value)

    def _put(self, name: str, rdtype: str, value: str) -> None:
        if value:
            self._zone.set(name, rdtype, value, ttl=_TTL)
        else:
            self._zone.delete(name, rdtype)


def _change(asked: Mapping[str, str]) -> dict[str, str]:
    """Say what becomes of a label's fields; ValueError when an address is none."""
    clear = asked.get("clear") == "true"  # lego always sends it, `false` where it sets a value
    if "txt" in asked:  # even when it is empty: else `clear` takes the addresses (go-acme/lego#600)
        if clear:
            return {"txt": ""}
        # Setting nothing does not clear (the source of certbot-dns-duckdns).
        return {"txt": asked["txt"]} if asked["txt"] else {}
    if clear:
        return {"ipv4": "", "ipv6": ""}
    change = {}
    if ip := asked.get("ip"):
        address = ipaddress.ip_address(ip)  # either family may be there
        change[f"ipv{address.version}"] = str(address)
    if ipv6 := asked.get("ipv6"):
        change["ipv6"] = str(ipaddress.IPv6Address(ipv6))
    # The family that was not sent stays as it is (linuxserver/docker-duckdns#11); with none at
    # all, IPv4 is that of the client. IPv6 is never detected.
    return change or {"ipv4": _CLIENT}


def _verbose(asked: Mapping[str, str], change: Mapping[str, str], changed: bool) -> str:  # noqa: FBT001
    """Word the long answer; a line is blank for what was not sent (home-assistant/addons#755)."""
    fields = ("txt",) if "txt" in asked else ("ipv4", "ipv6")
    lines = ["OK", *(change.get(field, "") for field in fields)]
    return "\n".join([*lines, "UPDATED" if changed else "NOCHANGE"])


def _application(duck: DuckDns) -> Flask:
    app = Flask(__name__)

    @app.before_request
    def only_at_www() -> AnyResponse | None:
        """Send clients away that left the www out (troglobit/inadyn#109)."""
        if request.host.partition(":")[0] != "duckdns.org":
            return None
        return redirect(f"https://www.duckdns.org{request.full_path}", HTTPStatus.MOVED_PERMANENTLY)

    @app.get("/update")
    def update() -> Response:
        """Answer 200, whatever it is."""
        return Response(duck.update(request.args), mimetype="text/plain")

    @app.errorhandler(HTTPStatus.NOT_FOUND)
    def not_found(_: Exception) -> Response:
        return Response(_JETTY, HTTPStatus.NOT_FOUND, mimetype="text/html")

    return app
