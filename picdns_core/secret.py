"""A value that never shows itself."""

from typing import NoReturn


class Secret:
    """Holds a token or key: hidden in repr, str, logs and JSON; refuses to be pickled.

    It is no `str`, so nothing can concatenate or serialise it by accident; `reveal()` at the
    one place that sends or stores it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

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
