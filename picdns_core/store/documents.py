"""JSON documents in the store, each with the version of its form."""

from typing import ClassVar, TypeVar

import msgspec
from msgspec import Struct

from picdns_core.errors import DamagedState, StoreError
from picdns_core.store.protocol import Store

_D = TypeVar("_D", bound="Document")


class Document(Struct, frozen=True, kw_only=True):
    """Base of everything we keep as JSON; raise VERSION when the form changes."""

    VERSION: ClassVar[int] = 1

    version: int = 1


class _Version(Struct, frozen=True):
    version: int = 0


def load(store: Store, key: str, form: type[_D]) -> _D | None:
    """Read a document; StoreError when a newer picdns wrote it, DamagedState when it is damaged."""
    data = store.get(key)
    if data is None:
        return None
    try:
        written = msgspec.json.decode(data, type=_Version).version
        if written > form.VERSION:
            raise StoreError(
                f"{key} was written by a newer picdns (version {written} of its form; "
                f"this one knows {form.VERSION}).",
                hint="Upgrade picdns-core; what is served stays so.",
            )
        return msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise DamagedState(
            f"{key} is damaged: {error}.", hint="Restore it from a backup, or move it away."
        ) from None


def save(store: Store, key: str, document: Document) -> None:
    """Keep a document, in a form that a person can read."""
    document = msgspec.structs.replace(document, version=document.VERSION)
    store.put(key, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
