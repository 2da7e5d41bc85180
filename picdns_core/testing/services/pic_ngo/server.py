"""The service itself: each call of the protocol, its settings and its clock."""

import math
import threading
import time
from collections import deque
from typing import Any

import flask
import msgspec
import pyotp
from werkzeug.exceptions import HTTPException

from picdns_core.testing.certificates import ServerCertificate
from picdns_core.testing.services.standin import StandIn
from picdns_core.testing.serving import Reply, Request
from picdns_core.testing.zone import Zone

from . import reading, wire
from .problems import Problem
from .publishing import Publishing, records_of
from .registry import Registration, Registry

MOST_CHALLENGES = 10
MOST_BYTES = 4096
_MINUTE = 60


class PicNgo(StandIn):
    """Answers as ddns.pic.ngo does, and writes to the zone `pic.ngo`."""

    def __init__(self, zone: Zone, certificate: ServerCertificate) -> None:
        """Listen; nothing is registered."""
        self.zone = zone
        self.totp_secret = pyotp.random_base32()
        """What cells are given to make their codes, in base32."""
        self.clock_offset = 0.0
        """Seconds by which the service's clock is ahead of this machine's."""
        self.propagation = 0.0
        """Seconds from an answer until public DNS has what it says."""
        self.also_global: list[str] = []
        """Networks whose addresses are published although they are not global."""
        self.calls_per_minute: int | None = None
        """How many calls are answered in a minute; None for all of them."""
        self.outage: int | None = None
        """When set, every call is answered with 503 and this `Retry-After`."""
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()
        self._registry = Registry()
        self._publishing = Publishing(zone)
        super().__init__(self._routes(), certificate)

    def forget(self, *, names: bool = True) -> None:
        """Lose the database: no token is known any more; without `names`, all names stay taken.

        What is in DNS stays there until a name is registered anew.
        """
        with self._lock:
            self._registry.forget(names=names)

    def forget_codes(self) -> None:
        """Accept used codes again, so that a test need not wait for the next ones."""
        with self._lock:
            self._registry.used_codes.clear()

    def close(self) -> None:
        """Stop; changes that DNS does not have yet are dropped. Safe twice."""
        super().close()
        self._publishing.close()

    def check_name(self, name: str) -> flask.Response:
        """Say whether a name is free."""
        reading.name(name)
        reason = "reserved" if reading.reserved(name) else None
        if self._registry.taken(name):
            reason = "taken"
        return wire.answer({"name": name, "available": reason is None, "reason": reason})

    def register(self) -> flask.Response:
        """Register a name."""
        key = reading.idempotency_key()
        asked = reading.body(reading.NewRegistration, "application/json")
        name = reading.name(asked.name, place="body")
        code = reading.code(asked.totp)
        totp = pyotp.TOTP(self.totp_secret)
        new = not self._registry.taken(name)
        found, token = self._registry.register(name, key, code, totp, flask.g.now)
        if new:
            self._publish(found)
        said = {
            "name": name,
            "domain": self._domain(name),
            "token": token,
            "registered_at": wire.rfc3339(found.registered_at),
        }
        return wire.answer(said, 201, {"Location": f"/v1/registrations/{name}"})

    def read(self, name: str) -> flask.Response:
        """Read my registration."""
        mine = self._mine(name)
        said = {
            "name": name,
            "domain": self._domain(name),
            **mine.addresses,
            "challenges": mine.challenges,
            "registered_at": wire.rfc3339(mine.registered_at),
            "addresses_at": mine.addresses_at and wire.rfc3339(mine.addresses_at),
        }
        return wire.answer(said)

    def publish_addresses(self, name: str) -> flask.Response:
        """Publish addresses."""
        mine = self._mine(name)
        patch = reading.body(reading.AddressesPatch, "application/merge-patch+json")
        wanted = mine.addresses | {
            field: None if text is None else reading.address(field, text, self.also_global)
            for field, text in msgspec.structs.asdict(patch).items()
            if text is not msgspec.UNSET
        }
        changed = wanted != mine.addresses
        mine.addresses, mine.addresses_at = wanted, flask.g.now
        return self._changed(mine, {"name": name, **wanted}, changed=changed)

    def publish_challenge(self, name: str, value: str) -> flask.Response:
        """Publish a challenge value."""
        mine = self._mine(name)
        reading.challenge(value)
        changed = value not in mine.challenges
        if changed and len(mine.challenges) >= MOST_CHALLENGES:
            raise Problem(
                "too-many-challenges",
                f"{MOST_CHALLENGES} values are published. Withdraw one first.",
                limit=MOST_CHALLENGES,
            )
        if changed:
            mine.challenges.append(value)
        said = {"name": name, "challenges": mine.challenges}
        return self._changed(mine, said, changed=changed)

    def withdraw_challenge(self, name: str, value: str) -> flask.Response:
        """Withdraw a challenge value."""
        mine = self._mine(name)
        reading.challenge(value)
        changed = value in mine.challenges
        if changed:
            mine.challenges.remove(value)
        said = {"name": name, "challenges": mine.challenges}
        return self._changed(mine, said, changed=changed)

    def deregister(self, name: str) -> flask.Response:
        """Give a name up; with a token that did so before, nothing happens."""
        if self._registry.gave_up(reading.bearer() or "") == name:
            return wire.answer({"name": name, "changed": False})
        mine = self._mine(name)
        self._registry.deregister(mine)
        self._publishing.write(name, {}, after=self.propagation)
        return wire.answer({"name": name, "changed": True})

    def _mine(self, name: str) -> Registration:
        """Find what the token opens, which must be this name."""
        token = reading.bearer()
        mine = self._registry.opened_by(token) if token else None
        if mine is None:
            # RFC 6750, section 3.1: a request without a token is told no error code.
            error = ', error="invalid_token"' if token else ""
            raise Problem(
                "token-rejected",
                "The service does not know this token." if token else "Send a bearer token.",
                headers={"WWW-Authenticate": f'Bearer realm="ddns.pic.ngo"{error}'},
            )
        if reading.name(name) != mine.name:
            raise Problem(
                "name-not-yours",
                f"This token opens {self._domain(mine.name)} only.",
                token_name=mine.name,
            )
        return mine

    def _changed(
        self, mine: Registration, said: dict[str, Any], *, changed: bool
    ) -> flask.Response:
        if changed:
            self._publish(mine)
        return wire.answer({**said, "changed": changed})

    def _publish(self, mine: Registration) -> None:
        self._publishing.write(mine.name, records_of(mine), after=self.propagation)

    def _domain(self, name: str) -> str:
        return f"{name}.{self.zone.name}"

    def _begin(self) -> None:
        flask.g.now = now = time.time() + self.clock_offset
        if self.outage is not None:
            raise Problem("unavailable", "Try again later.", retry_after=self.outage)
        if self.calls_per_minute is None:
            return
        while self._calls and self._calls[0] <= now - _MINUTE:
            self._calls.popleft()
        if len(self._calls) >= self.calls_per_minute:
            wait = math.ceil(self._calls[0] + _MINUTE - now)
            raise Problem("rate-limited", f"Try again in {wait} s.", retry_after=wait)
        self._calls.append(now)

    def _ask(self, request: Request) -> Reply:
        with self._lock:  # One call after the other; the delays of faults are outside.
            return super()._ask(request)

    def _routes(self) -> flask.Flask:
        app = flask.Flask(__name__, static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.url_map.merge_slashes = False
        registration = "/v1/registrations/<name>"
        app.get("/v1/names/<name>")(self.check_name)
        app.post("/v1/registrations")(self.register)
        app.get(registration)(self.read)
        app.delete(registration)(self.deregister)
        app.patch(f"{registration}/addresses")(self.publish_addresses)
        app.put(f"{registration}/challenges/<value>")(self.publish_challenge)
        app.delete(f"{registration}/challenges/<value>")(self.withdraw_challenge)
        app.before_request(self._begin)
        app.register_error_handler(Problem, wire.problem)
        app.register_error_handler(HTTPException, wire.unexpected)
        return app
