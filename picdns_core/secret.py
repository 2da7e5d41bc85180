"""A value that never shows itself, and the means to take it out of texts that others wrote."""

import re
import threading
from typing import NoReturn
from urllib.parse import quote, quote_plus

_SHORTEST = 6  # what is shorter occurs by chance, and to mask it would garble every text
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_known: set[str] = set()
_guard = threading.Lock()


def redact(text: str) -> str:
    """Return the text with `***` for each value that this process has held as a Secret.

    Libraries put whole URLs into their errors and logs, and DuckDNS has its token there.
    """
    with _guard:
        known = sorted(_known, key=len, reverse=True)
    for value in known:
        text = text.replace(value, "***")
    return text


def one_line(text: str) -> str:
    """Return a text that others wrote as it may be shown: without secrets, and on one line.

    Control characters become a space: what a server answers neither begins a line of a log that
    looks like ours, nor commands a terminal.
    """
    return _CONTROLS.sub(" ", redact(text))


class Secret:
    """Holds a token or key: hidden in repr, str, logs and JSON; refuses to be pickled.

    It is no `str`, so nothing can concatenate or serialise it by accident; `reveal()` at the
    one place that sends or stores it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= _SHORTEST:
            with _guard:
                _known.update((value, quote(value, safe=""), quote_plus(value)))

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
