"""Secrets of a mode: those it declares, each in a file of its own."""

import pytest

from picdns_core.errors import StoreError
from picdns_core.model import SecretField
from picdns_core.secret import Secret
from picdns_core.store import FileStore, ModeSecrets

TOKEN = SecretField(name="token", title="Token", description="", required=True)


@pytest.fixture
def secrets(store: FileStore) -> ModeSecrets:
    return ModeSecrets(store, "duckdns", (TOKEN,))


def test_a_secret_comes_back_and_is_hidden(secrets: ModeSecrets, store: FileStore) -> None:
    """In a file of its own, without the newline that an editor adds."""
    assert secrets.get("token") is None
    secrets.put("token", Secret("s3cret-ä"))
    assert store.get("secrets/duckdns/token") == "s3cret-ä".encode()
    store.put("secrets/duckdns/token", "  s3cret-ä\n".encode())
    found = secrets.get("token")
    assert found
    assert found.reveal() == "s3cret-ä"
    assert "s3cret" not in repr(found)


def test_a_mode_has_no_secrets_but_those_it_declares(
    secrets: ModeSecrets, store: FileStore
) -> None:
    """Neither of its own nor of another mode, and no path leads to them."""
    store.put("secrets/cloudflare/token", b"theirs")
    store.put("secrets/duckdns/other", b"ours")
    for name in ("other", "../cloudflare/token", ""):
        with pytest.raises(KeyError):
            secrets.get(name)
        with pytest.raises(KeyError):
            secrets.put(name, Secret("x"))
    assert store.get("secrets/cloudflare/token") == b"theirs"


def test_a_secret_that_is_not_text_is_one_clear_error(
    secrets: ModeSecrets, store: FileStore
) -> None:
    """Which does not show it."""
    store.put("secrets/duckdns/token", b"s3cret\xff")
    with pytest.raises(StoreError, match=r"secrets/duckdns/token is not text") as error:
        secrets.get("token")
    assert "s3cret" not in str(error.value)
    assert error.value.__suppress_context__
