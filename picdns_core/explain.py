"""JSON from people turned into our types; what does not fit is explained."""

from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")


def convert(value: Any, into: type[_T], key: str, *, hint: str = "Correct it there.") -> _T:
    """Convert JSON to `into`; ConfigError names the key below `key`, what it wants, the mend.

    `hint` is the mend where the description of a setting does not say it.
    """
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        from picdns_core.wording import explain

        raise explain(str(error), into, key, hint) from None
