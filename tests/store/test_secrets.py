"""Secrets of a mode: those it declares, each in a file of its own."""

from pathlib import Path

import pytest

from picdns_core.errors import StoreError
from picdns_core.model import SecretField
from picdns_core.secret import Secret
from picdns_core.store import FileStore, ModeSecrets

HOSTS = SecretField(name="bearer", title="", description="", file="data/api/.bearer")
TOKEN = SecretField(name="token", title="Token", description="", required=True)


@pytest.fixture
def secrets(store: FileStore, tmp_path: Path) -> ModeSecrets:
    return ModeSecrets(store, tmp_path, "duckdns", (TOKEN, HOSTS))


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


def test_a_secret_that_the_host_keeps_stays_in_the_hosts_file(
    secrets: ModeSecrets, store: FileStore, tmp_path: Path
) -> None:
    """Read from there as it is, written there with mode 0600, and nowhere else."""
    file = tmp_path / "data/api/.bearer"
    assert secrets.get("bearer") is None
    secrets.put("bearer", Secret("first"))
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("first", 0o600)
    file.write_text("from the host\n")
    assert secrets.get("bearer") == Secret("from the host")
    assert store.keys("secrets") == []


def test_a_deleted_secret_is_gone_and_may_be_deleted_again(
    secrets: ModeSecrets, tmp_path: Path
) -> None:
    """In the store as in the host's file."""
    for name in ("token", "bearer"):
        secrets.put(name, Secret("value"))
        secrets.delete(name)
        secrets.delete(name)
        assert secrets.get(name) is None
    assert not (tmp_path / "data/api/.bearer").exists()


def test_an_empty_file_is_no_secret(secrets: ModeSecrets, tmp_path: Path) -> None:
    """As `touch` or a failed copy leaves it."""
    file = tmp_path / "data/api/.bearer"
    file.parent.mkdir(parents=True)
    file.write_text(" \n")
    assert secrets.get("bearer") is None
