"""What options mean: KEY=VALUE, JSON or text, and secrets from files."""

import json
from collections.abc import Sequence
from typing import Any

import click

from picdns_core.secret import Secret


def pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Split each KEY=VALUE at its first equals sign."""
    split = [text.partition("=") for text in texts]
    for key, separator, value in split:
        if not (separator and key):
            raise click.UsageError(f"{option} {key}{separator}{value}: give it as KEY=VALUE.")
    return [(key, value) for key, _, value in split]


def setting(text: str) -> Any:
    """Read JSON where it is JSON, else text."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except ValueError:
        return text
    return value


def secret(key: str, text: str) -> Secret:
    """Read a secret from the file that is named after an @."""
    if not text.startswith("@"):
        raise click.UsageError(
            f"Give --secret {key}=@FILE: on the command line others could read it."
        )
    try:
        with click.open_file(text[1:], encoding="utf-8") as file:
            return Secret(file.read().strip())
    except OSError as error:
        raise click.UsageError(f"--secret {key}: {error}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"--secret {key}: the file is not UTF-8 text.") from None
