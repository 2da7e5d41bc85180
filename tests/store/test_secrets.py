"""Secrets of a mode: those it declares, each in a file of its own."""

import json
from pathlib import Path

import pytest

from picdns_core.errors import StoreError
from picdns_core.model import DomainMode, SecretField
from picdns_core.secret import Secret
from picdns_core.setup import init
from picdns_core.store import ConfigFile, FileStore, ModeSecrets
from picdns_core.store.secrets import own_secret, take_secrets

LAN = DomainMode(name="lan", title="", description="", public=False)
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


def test_our_own_secrets_move_from_the_config_into_files(store: FileStore, tmp_path: Path) -> None:
    """With all their lines, and readable by us alone; what stood beside them stays."""
    urls = "json://one\nmailtos://you:password@example.org"
    file = ConfigFile(tmp_path)
    file.path.parent.mkdir(parents=True)
    notify = {"domain_mode": "lan", "picdns": {"notify": {"urls": urls}, "dns": {"port": 53}}}
    file.path.write_text(json.dumps(notify))
    left = take_secrets(file, file.read(), store, tmp_path, LAN)
    assert left["picdns"] == {"notify": {}, "dns": {"port": 53}}
    assert own_secret(store, tmp_path, "picdns.notify.urls") == Secret(urls)
    assert own_secret(store, tmp_path, "picdns.acme.eab.hmac_key") is None
    kept = tmp_path / "data/api/picdns/secrets/notify/urls"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "password" not in file.path.read_text()


def test_init_keeps_urls_and_switches_messages_on(store: FileStore, tmp_path: Path) -> None:
    """The section of a secret that was given is made; a second time it stays as it is."""
    given = {"picdns.notify.urls": Secret("json://one\njson://two")}
    for _ in range(2):
        config = init(
            tmp_path, ConfigFile(tmp_path), cell_name="home", mode_name="lan", secrets=given
        )
        assert config.picdns.notify is not None
        assert config.picdns.notify.urls == ""
    assert own_secret(store, tmp_path, "picdns.notify.urls") == given["picdns.notify.urls"]
