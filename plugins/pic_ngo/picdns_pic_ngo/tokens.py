"""The token that opens this cell's name: had, kept on disk, and given back.

What the service is about to be told is on disk before, and what it answered before anything that
follows. So each call goes on where a killed one stopped, and no registration is left behind that
nobody has the token of.
"""

import logging
import threading
from collections.abc import Callable
from secrets import token_urlsafe
from typing import NamedTuple, TypeVar

from picdns_core import NameTaken, Secret, Secrets
from picdns_pic_ngo import errors
from picdns_pic_ngo.client import PicNgo
from picdns_pic_ngo.errors import CodeRejected, KeyReused, OtherName, TokenRejected
from picdns_pic_ngo.totp import Codes

CURRENT = "token"
FORMER = "former_token"
KEY = "registration_key"
SHARED = "totp_secret"

T = TypeVar("T")

_log = logging.getLogger(__name__)
_registering = threading.Lock()  # two threads that see one token rejected need one new one


class _Intent(NamedTuple):
    """A registration that was perhaps made, and whose token is perhaps not here yet."""

    name: str
    key: Secret


class Tokens:
    """The tokens of a cell for one name, at the service and on disk."""

    def __init__(self, service: PicNgo, secrets: Secrets, name: str) -> None:
        self.service = service
        self.name = name
        self._secrets = secrets

    @errors.told()
    def claim(self) -> None:
        """Have a token for the name on disk: the one that is there if it is good, else a new one.

        The token of another name shows that the cell was renamed: that one is given up once the
        new name is ours.
        """
        with _registering:
            self._settle()
            token = self._secrets.get(CURRENT)
            opened = self._opened_by(token)
            if opened != self.name:
                if token and opened:
                    self._secrets.put(FORMER, token)
                self._register()
                self._give_up(FORMER)
            self._secrets.delete(KEY)

    @errors.told()
    def use(self, act: Callable[[Secret], T]) -> T:
        """Act with the token; where the service does not know it any more, once with a new one.

        Without any token nothing is done: perhaps the name was just given back.
        """
        token = self._token()
        try:
            return act(token)
        except TokenRejected:
            _log.warning(
                "ddns.pic.ngo has lost %s.pic.ngo: registering it anew",
                self.name,
                extra={"event": "registration_lost", "domain": f"{self.name}.pic.ngo"},
            )
        return act(self._replaced(token))

    @errors.told()
    def prove(self) -> None:
        """Return if the token on disk opens the name; nothing is changed."""
        self.service.prove(self.name, self._token())

    def kept(self) -> Secret | None:
        """Return the token on disk, good or not."""
        return self._secrets.get(CURRENT)

    @errors.told()
    def give_back(self, *, registered: bool) -> bool:
        """Give the name up, and forget what opens it; False when there was nothing.

        What belongs to another name is left alone: the cell may be in the midst of a renaming.
        `registered` says that there was a token of the name.
        """
        with _registering:
            lost = registered and self._secrets.get(CURRENT) is None
            intent = self._own_intent()
            given_up = [
                intent is not None and self._drop(intent),
                self._give_up_own(CURRENT),
                self._give_up_own(FORMER),
            ]
            if lost and not any(given_up) and not self.service.is_free(self.name):
                raise errors.lost_token(self.name)
            return any(given_up)

    def _settle(self) -> None:
        """Bring to an end what an earlier claim, of this name or another, left open."""
        intent = self._intent()
        if intent and intent.name != self.name:
            self._drop(intent)
        former = self._secrets.get(FORMER)
        if former is None:
            return
        if former == self._secrets.get(CURRENT):  # nothing new was registered
            self._secrets.delete(FORMER)
        elif self._opened_by(former) == self.name:  # renamed back before it was given up
            self._give_up(CURRENT)
            self._secrets.put(CURRENT, former)
            self._secrets.delete(FORMER)
        else:
            self._give_up(FORMER)

    def _token(self) -> Secret:
        if token := self._secrets.get(CURRENT):
            return token
        raise errors.no_token(self.name)

    def _replaced(self, rejected: Secret) -> Secret:
        with _registering:
            token = self._token()
            if token != rejected:  # another thread was faster
                return token
            return self._register()

    def _register(self) -> Secret:
        """Register the name; a call that was cut short goes on with the key it had."""
        codes = self._codes()
        tried_before = self._own_intent() is not None
        try:
            token = self.service.register(self.name, self._key(), codes)
        except KeyReused:  # what it registered was given up
            self._secrets.delete(KEY)
            token = self.service.register(self.name, self._key(), codes)
        except NameTaken:  # by another key: this one has registered nothing
            self._secrets.delete(KEY)
            raise
        except CodeRejected:
            if not tried_before:
                self._secrets.delete(KEY)
            raise
        self._secrets.put(CURRENT, token)
        self._secrets.delete(KEY)
        return token

    def _drop(self, intent: _Intent) -> bool:
        """Forget the key; what it registered and no token opens is given up by a new token."""
        changed = False
        if self._opened_by(self._secrets.get(CURRENT)) != intent.name:
            try:
                token = self.service.register(intent.name, intent.key, self._codes())
                changed = self.service.deregister(intent.name, token)
            except (NameTaken, KeyReused):
                _log.info(
                    "%s.pic.ngo was not registered after all",
                    intent.name,
                    extra={"event": "not_registered", "domain": f"{intent.name}.pic.ngo"},
                )
            except CodeRejected:  # which says nothing about the key
                if not self.service.is_free(intent.name):
                    raise
        self._secrets.delete(KEY)
        return changed

    def _give_up_own(self, field: str) -> bool:
        """Deregister our name if the token is for it; one that opens nothing is forgotten."""
        token = self._secrets.get(field)
        if token is None:
            return False
        try:
            changed = self.service.deregister(self.name, token)
        except OtherName:
            return False
        except TokenRejected:
            changed = False
        self._secrets.delete(field)
        return changed

    def _give_up(self, field: str) -> bool:
        """Deregister whatever the token opens, and forget it; one that opens nothing is fine."""
        changed = False
        if token := self._secrets.get(field):
            name = self._opened_by(token)
            changed = name is not None and self.service.deregister(name, token)
        self._secrets.delete(field)
        return changed

    def _opened_by(self, token: Secret | None) -> str | None:
        """Return the name that a token opens, None where it opens none or there is none."""
        if token is None:
            return None
        try:
            self.service.prove(self.name, token)
        except TokenRejected:
            return None
        except OtherName as other:
            return other.name
        return self.name

    def _codes(self) -> Codes:
        secret = self._secrets.get(SHARED)
        if secret is None:
            raise errors.missing_secret()
        return Codes(secret)

    def _intent(self) -> _Intent | None:
        kept = self._secrets.get(KEY)
        name, _, key = kept.reveal().partition(":") if kept else ("", "", "")
        return _Intent(name, Secret(key)) if name and key else None

    def _own_intent(self) -> _Intent | None:
        intent = self._intent()
        return intent if intent and intent.name == self.name else None

    def _key(self) -> Secret:
        """Return the key of this registration, which is on disk from now on."""
        if intent := self._own_intent():
            return intent.key
        key = Secret(token_urlsafe(32))
        self._secrets.put(KEY, Secret(f"{self.name}:{key.reveal()}"))
        return key
