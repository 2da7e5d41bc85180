"""Secrets that a hook is given, kept in memory."""

from picdns_core import Secret


class Given:
    """The secrets of a mode by name."""

    def __init__(self, **values: str) -> None:
        self._values = {name: Secret(value) for name, value in values.items()}

    def get(self, name: str) -> Secret | None:
        return self._values.get(name)

    def put(self, name: str, value: Secret) -> None:
        self._values[name] = value

    def delete(self, name: str) -> None:
        self._values.pop(name, None)
