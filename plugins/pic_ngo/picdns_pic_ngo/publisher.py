"""DNS-01 values at the one name where the service takes them."""

from contextlib import suppress

from picdns_core import TxtRecord
from picdns_pic_ngo import errors
from picdns_pic_ngo.client import MOST_CHALLENGES
from picdns_pic_ngo.errors import OtherName, TokenRejected
from picdns_pic_ngo.tokens import Tokens


class TxtPublisher:
    """Puts values beside each other, and removes those it is given."""

    values_per_name = MOST_CHALLENGES

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def publish(self, record: TxtRecord) -> None:
        """Make the value visible; one that is there already is fine."""
        self._check(record)
        service, name = self._tokens.service, self._tokens.name
        self._tokens.use(lambda token: service.publish_challenge(name, token, record.value))

    def withdraw(self, record: TxtRecord) -> None:
        """Remove the value; one that is not there is fine."""
        self._check(record)
        service, name = self._tokens.service, self._tokens.name
        # Where the token opens the name no more, the values went with the registration.
        with suppress(TokenRejected, OtherName):
            if token := self._tokens.kept():
                service.withdraw_challenge(name, token, record.value)
            elif not service.is_free(name):
                raise errors.no_token(name)

    def _check(self, record: TxtRecord) -> None:
        own = f"_acme-challenge.{self._tokens.name}.pic.ngo"
        if record.name != own:
            raise errors.foreign(record.name, own)
