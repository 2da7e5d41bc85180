"""cell_config.json as a file: order, indentation and every foreign key survive."""

import copy
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from picdns_core.errors import ConfigError
from picdns_core.store import atomic

CONFIG = Path("config/api/cell_config.json")
_NEW = '{\n  ""\n}\n'
_INDENT = re.compile(r"\s*\{\s*?\n([ \t]*)\"")


class ConfigFile:
    """The default ConfigSource: reads the file anew each time and replaces it atomically."""

    def __init__(self, root: Path) -> None:
        self.path = root.absolute() / CONFIG

    def read(self) -> Mapping[str, Any]:
        text = self._text()
        if text is None:
            raise ConfigError(
                "",
                f"{self.path} does not exist.",
                hint="Run `picdns init`, or name the right directory with --root.",
            )
        return self._parsed(text)

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        with self._locked():
            text = self._text()
            before = {} if text is None else self._parsed(text)
            after = copy.deepcopy(before)
            change(after)
            if json.dumps(after) != json.dumps(before) or text is None:  # 1 == True in Python
                self._write(_dump(after, text or _NEW))

    def _text(self) -> str | None:
        with atomic.explained(self.path):
            try:
                return self.path.read_bytes().decode()
            except FileNotFoundError:
                return None
            except UnicodeDecodeError as error:
                raise ConfigError(
                    "", f"{self.path} is not UTF-8: {error}.", hint="Save it as UTF-8."
                ) from None

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                "",
                f"{self.path} is not JSON: {error}.",
                hint="Correct it there; nothing was changed.",
            ) from None
        if not isinstance(parsed, dict):
            raise ConfigError("", f"{self.path} is not a JSON object.", hint="Begin it with {.")
        return parsed

    def _write(self, text: str) -> None:
        # A link is followed, so that the file it names changes and the link stays.
        target = Path(os.path.realpath(self.path))
        mode, uid, gid = 0o600, -1, -1
        if target.exists():
            found = target.stat()
            mode = found.st_mode & 0o777
            if os.geteuid() == 0:
                uid, gid = found.st_uid, found.st_gid
        atomic.write(target, text.encode(), mode=mode, uid=uid, gid=gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        atomic.make_directories(self.path.parent, below=Path("/"), mode=0o755)
        with atomic.explained(self.path.parent):
            descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _dump(config: dict[str, Any], like: str) -> str:
    indent = _INDENT.match(like)
    text = json.dumps(
        config,
        indent=indent[1] if indent else None,
        ensure_ascii="\\ud" in like.lower() or (like.isascii() and "\\u" in like),
    )
    end = "\r\n" if "\r\n" in like else "\n"
    return text.replace("\n", end) + (end if like.endswith("\n") else "")
