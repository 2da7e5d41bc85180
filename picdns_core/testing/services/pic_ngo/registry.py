"""What ddns.pic.ngo stores: registrations, and of tokens and keys only the SHA-256."""

import base64
import hashlib
import hmac
import math
import secrets
from dataclasses import dataclass, field

import pyotp

from .problems import Problem
from .reading import reserved

STEP = 30
"""Seconds for which a TOTP code is the current one."""


@dataclass
class Registration:
    """A name and what is published there."""

    name: str
    key_hash: bytes
    token_hash: bytes
    registered_at: float
    addresses: dict[str, str | None] = field(
        default_factory=lambda: dict[str, str | None](ipv4=None, ipv6=None)
    )
    addresses_at: float | None = None
    challenges: list[str] = field(default_factory=list)


class Registry:
    """The service's database; whoever uses it holds a lock."""

    def __init__(self) -> None:
        """Begin empty, with a server secret that outlives the database."""
        self._secret = secrets.token_bytes(32)
        self._registrations: dict[str, Registration] = {}
        self._names_of_keys: dict[bytes, str] = {}
        self._names_of_tokens: dict[bytes, str] = {}
        self._lost: set[str] = set()
        self.used_codes: dict[tuple[str, int], bytes] = {}
        """Who used the code of a step for a name: the hash of the key."""

    def forget(self, *, names: bool) -> None:
        """Lose everything; without `names`, those that were registered stay taken."""
        self._lost = set() if names else {*self._registrations, *self._lost}
        for table in (
            self._registrations,
            self._names_of_keys,
            self._names_of_tokens,
            self.used_codes,
        ):
            table.clear()

    def taken(self, name: str) -> bool:
        """Tell whether somebody has the name."""
        return name in self._registrations or name in self._lost

    def register(
        self, name: str, key: str, code: str, totp: pyotp.TOTP, now: float
    ) -> tuple[Registration, str]:
        """Give a name out, or find what the same key got before; returns the token too."""
        key_hash = _sha256(key)
        known = self._registrations.get(name)
        repeated = known is not None and known.key_hash == key_hash
        if key_hash in self._names_of_keys and not repeated:
            raise Problem(
                "idempotency-key-reused",
                "It belongs to another name, or to a registration that was given up.",
            )
        step = self._check(name, key_hash, code, totp, now)
        if reserved(name):
            raise Problem("name-reserved", f"{name} is kept for the service.", name=name)
        if not repeated and self.taken(name):
            raise Problem("name-taken", f"Another cell has {name}.", name=name)
        self.used_codes[name, step] = key_hash
        token = self._token(name, key)
        if known is None:
            known = Registration(name, key_hash, _sha256(token), now)
            self._registrations[name] = known
            self._names_of_keys[key_hash] = name
            self._names_of_tokens[known.token_hash] = name
        return known, token

    def opened_by(self, token: str) -> Registration | None:
        """Find the registration that a token opens, None when it opens none."""
        token_hash = _sha256(token)
        found = self._registrations.get(self._names_of_tokens.get(token_hash, ""))
        return found if found and hmac.compare_digest(found.token_hash, token_hash) else None

    def gave_up(self, token: str) -> str | None:
        """Name what a token opened before its registration was given up."""
        return None if self.opened_by(token) else self._names_of_tokens.get(_sha256(token))

    def deregister(self, registration: Registration) -> None:
        """Let a name go; the hashes of its key and its token stay known."""
        del self._registrations[registration.name]

    def _check(self, name: str, key_hash: bytes, code: str, totp: pyotp.TOTP, now: float) -> int:
        """Return the step of a code that is valid now and was not used by another key."""
        current = int(now // STEP)
        steps = [
            step
            for step in (current, current - 1, current + 1)
            if hmac.compare_digest(totp.generate_otp(step), code)
        ]
        if not steps:
            raise Problem(
                "totp-rejected",
                "The code is not valid at this time.",
                headers={"WWW-Authenticate": 'TOTP realm="ddns.pic.ngo"'},
            )
        for step in steps:
            if self.used_codes.get((name, step), key_hash) == key_hash:
                return step
        wait = max(1, math.ceil(STEP - now % STEP))
        raise Problem(
            "totp-used",
            f"The code was used for this name. The next one begins in {wait} s.",
            headers={"WWW-Authenticate": 'TOTP realm="ddns.pic.ngo"'},
            retry_after=wait,
        )

    def _token(self, name: str, key: str) -> str:
        mac = hmac.digest(self._secret, f"{key}:{name}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
