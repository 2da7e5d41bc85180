"""Documents: each has a version; what cannot be read is one clear error."""

import json
from typing import ClassVar

import pytest

from picdns_core.errors import StoreError
from picdns_core.store import Document, FileStore, documents, failures, load, registrations, save
from picdns_core.store.journal import OrderIntent

KEY = "registrations/lan.json"


class Note(Document, frozen=True, kw_only=True):
    """A document as the first picdns wrote it."""

    text: str
    count: int = 0


class Second(Document, frozen=True, kw_only=True):
    """The same, in its second form."""

    VERSION: ClassVar[int] = 2

    text: str


def test_a_saved_document_comes_back(store: FileStore) -> None:
    """Written for people too: indented, with its version, with a newline at its end."""
    save(store, KEY, Note(text="ä"))
    assert load(store, KEY, Note) == Note(text="ä")
    written = store.get(KEY)
    assert written == '{\n  "version": 1,\n  "text": "ä",\n  "count": 0\n}\n'.encode()


def test_a_document_that_is_not_there_is_none(store: FileStore) -> None:
    """As after a first start."""
    assert load(store, KEY, Note) is None


def test_a_document_is_saved_with_the_version_of_its_form(store: FileStore) -> None:
    """Also one that was read in an older form."""
    save(store, KEY, Note(text="x"))
    read = load(store, KEY, Second)
    assert read == Second(text="x", version=1)
    save(store, KEY, read)
    assert json.loads(store.get(KEY) or b"")["version"] == 2


@pytest.mark.parametrize("text", ['{"text": "x"}', '{"version": 1, "text": "x", "later": []}'])
def test_an_older_document_and_one_with_more_fields_are_read(store: FileStore, text: str) -> None:
    """A field of a later picdns that kept the version is ignored."""
    store.put(KEY, text.encode())
    assert load(store, KEY, Note) == Note(text="x")


def test_a_newer_document_is_refused(store: FileStore) -> None:
    """Whatever else is in it; it stays as it is, and the error says which two versions."""
    store.put(KEY, b'{"version": 3, "text": {"in": "a new form"}}')
    said = r"lan\.json was written by a newer picdns \(version 3 .* knows 2\)\..*Upgrade"
    with pytest.raises(StoreError, match=said):
        load(store, KEY, Second)
    assert store.get(KEY) == b'{"version": 3, "text": {"in": "a new form"}}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"{",
        b'{"version": 1, "text": "x"',
        b'{"version": 1, "text": "x"} {}',
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b'{"text": 1}',
        b"{}",
        b'{"version": "1", "text": "x"}',
        b'{"version": null, "text": "x"}',
        b'{"version": [2], "text": "x"}',
        b'{"version": 0.5, "text": "x"}',
        b'{"version": true, "text": "x"}',
        b'{"version": 1e999, "text": "x"}',
        b'{"text": "x", "count": 1e30}',
        b'{"text": "\xff"}',
        b'{"\xff": "x"}',
        b"\xff\xfe{\0}\0",
        b'{"text": ' + b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_damaged_document_is_one_clear_error(store: FileStore, data: bytes) -> None:
    """Cut off, of the wrong types, not JSON: it says which file, and what to do."""
    store.put(KEY, data)
    with pytest.raises(StoreError, match=r"lan\.json is damaged: ") as damaged:
        load(store, KEY, Note)
    assert damaged.value.hint == "Restore it from a backup, or move it away."
    assert store.get(KEY) == data


def test_every_document_of_ours_has_a_version() -> None:
    """So that a later form can be told from this one."""
    forms = documents.Document.__subclasses__()
    assert {OrderIntent, registrations.Claim, failures._Failures} <= set(forms)
    for form in forms:
        assert form.__struct_fields__[0] == "version"
        assert form.VERSION >= 1
