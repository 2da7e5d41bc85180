"""Codes by the clock (RFC 6238), and what to say of a clock that is wrong."""

import re
from datetime import UTC, datetime

from picdns_core import ClockSkewed, Secret
from picdns_pic_ngo import errors

STEP = 30.0
"""Seconds for which a code is the current one."""

_TOLERATED = 20.0


class Codes:
    """The codes of one secret: 6 digits, 30 seconds, SHA-1. ConfigError if it is not base32."""

    def __init__(self, secret: Secret) -> None:
        from pyotp import TOTP

        text = re.sub(r"[\s-]", "", secret.reveal())  # people write it in groups
        try:
            self._totp = TOTP(text)
            malformed = not self._totp.byte_secret()
        except ValueError:
            malformed = True
        if malformed:
            raise errors.malformed_secret()

    def at(self, moment: float) -> str:
        """Return the code of a time in Unix seconds."""
        return self._totp.at(datetime.fromtimestamp(moment, UTC))


def check_clock(offset: float, doubt: float) -> None:
    """Raise ClockSkewed unless our clock is right.

    `offset` is how many seconds it is ahead of the service's, give or take `doubt`.
    """
    if abs(offset) - doubt <= _TOLERATED:
        return
    direction = "ahead" if offset > 0 else "behind"
    raise ClockSkewed(
        f"This host's clock is {_in_words(abs(offset))} {direction} of ddns.pic.ngo, so that no "
        "TOTP code would be valid. Nothing was registered. What is served stays so.",
        offset=offset,
    )


def _in_words(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
