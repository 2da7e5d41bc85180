"""Going live through a real Caddy: it serves the new certificate, or the old one stays."""

import http.client
import os
import shutil
import ssl
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from picdns_core import DeployFailed
from picdns_core.testing import Response
from picdns_core.testing.pytest_plugin import CaddyFactory
from tests.conftest import Cell, MakeCell

NAME = "files.home.test"
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="starts Caddy as another user")


def open_to_others(path: Path) -> None:
    """Let other users pass through the directories that pytest made for one user only."""
    for folder in (path, *path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)


@root_only
@pytest.mark.parametrize("mode", ["lan", "http01"])
def test_caddy_of_another_user_that_sees_other_paths_serves_the_cell(
    make_cell: MakeCell, caddy: CaddyFactory, tmp_path: Path, mode: str
) -> None:
    """The group may read keys, everybody the webroot; the Caddyfile has Caddy's paths only."""
    open_to_others(tmp_path)
    cell = make_cell(mode, caddy=False)
    theirs = tmp_path / "as-caddy-sees-it"
    theirs.symlink_to(cell.root)
    cell.caddy = caddy(theirs / "config/caddy/Caddyfile", user=65534, group=65533)
    ports = {
        "admin": cell.caddy.admin,
        "http_port": cell.caddy.http_port,
        "https_port": cell.caddy.https_port,
        "paths": {str(cell.root): str(theirs)},
    }
    cell.set(picdns={"caddy": ports, "files": {"group": 65533}})
    assert cell.runner.up().failed == ()
    public = "files.home.cell" if mode == "lan" else NAME
    assert cell.get(public).status == 200
    assert cell.get("files.cell").status == 200
    assert str(cell.root) not in cell.caddyfile.read_text()


@root_only
def test_caddy_that_may_not_read_the_keys_is_said_with_the_mend(
    make_cell: MakeCell, caddy: CaddyFactory, tmp_path: Path
) -> None:
    """Without the group, another user's Caddy cannot open the key; what it served stays."""
    open_to_others(tmp_path)
    cell = make_cell("lan", caddy=False)
    cell.caddy = caddy(cell.caddyfile, user=65534, group=65533)
    ports = {
        "admin": cell.caddy.admin,
        "http_port": cell.caddy.http_port,
        "https_port": cell.caddy.https_port,
    }
    cell.set(picdns={"caddy": ports})
    with pytest.raises(DeployFailed) as failed:
        cell.runner.up()
    assert "permission denied" in failed.value.message
    assert "picdns.files.group" in failed.value.hint
    cell.set(picdns={"files": {"group": 65533}})
    assert cell.runner.up().failed == ()
    assert cell.get("files.home.cell").status == 200


def test_client_that_keeps_asking_during_renewals_sees_no_failure(make_cell: MakeCell) -> None:
    """Every request has its answer, under the old certificate or the new one.

    As browsers do, the clients send a GET again when its connection is lost before a single byte
    of an answer (RFC 9110, section 9.2.2): a Caddy that changes its config does that to
    connections which it has not yet accepted, or not yet read from.
    """
    cell = make_cell()
    cell.runner.up()
    done, serials, failures = threading.Event(), set[int](), list[Exception]()

    def keep_asking() -> None:
        while not done.is_set():
            try:
                serials.add(_ask(cell).serial)
            except OSError as error:
                failures.append(error)

    clients = [threading.Thread(target=keep_asking) for _ in range(2)]
    for client in clients:
        client.start()
    for _ in range(3):
        assert cell.runner.renew(NAME, force=True).failed == ()
    last = cell.get(NAME).serial
    done.set()
    for client in clients:
        client.join()
    assert failures == []
    assert last in serials
    assert len(serials) >= 2


def _ask(cell: Cell) -> Response:
    for _ in range(4):  # a change takes longer than one request does here
        with suppress(http.client.RemoteDisconnected, ConnectionResetError):
            return cell.get(NAME)
    return cell.get(NAME)


def test_cold_restart_of_caddy_serves_the_same(make_cell: MakeCell) -> None:
    """From the file alone, after an orderly end and after a kill."""
    cell = make_cell()
    cell.runner.up()
    assert cell.caddy
    serial = cell.get(NAME).serial
    cell.caddy.restart()
    assert cell.get(NAME).serial == serial
    cell.caddy.kill()
    cell.caddy.start()
    assert cell.get(NAME).serial == serial


def test_before_any_certificate_challenges_and_redirects_are_served(make_cell: MakeCell) -> None:
    """A cell whose CA does not answer is at least reachable for it."""
    cell = make_cell()
    cell.set(picdns={"acme": {"directory": "https://127.0.0.1:1/dir"}})
    assert len(cell.runner.up().failed) == 1
    assert cell.caddy
    token = cell.base / "webroot/token"
    token.parent.mkdir()
    token.write_text("token.thumbprint")
    answer = cell.caddy.get_plain(NAME, "/.well-known/acme-challenge/token")
    assert (answer.status, answer.body) == (200, "token.thumbprint")
    assert cell.caddy.get_plain(NAME, "/").status == 308
    with pytest.raises(ssl.SSLError):
        cell.caddy.get(NAME, ca=cell.internal_root)
    token.unlink()


FOREIGN = b"# the admin's own, in Latin-1: caf\xe9\r\n"


def foreign_caddyfile(cell: Cell) -> Path:
    """Put a Caddyfile there that only its owner may read; return where it will be kept."""
    cell.caddyfile.parent.mkdir(parents=True)
    cell.caddyfile.write_bytes(FOREIGN)
    cell.caddyfile.chmod(0o600)
    return cell.caddyfile.with_name("Caddyfile.orig")


def test_caddyfile_of_somebody_else_is_kept_beside_ours(make_cell: MakeCell) -> None:
    """Once, as Caddyfile.orig, byte for byte, and readable to nobody else than before."""
    cell = make_cell("lan")
    kept = foreign_caddyfile(cell)
    cell.runner.up()
    cell.runner.renew(force=True)
    assert kept.read_bytes() == FOREIGN
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(list(kept.parent.iterdir())) == 2
    assert cell.get("files.home.cell").status == 200


def test_rollback_puts_the_caddyfile_of_somebody_else_back(make_cell: MakeCell) -> None:
    """As it was, to the byte and the mode."""
    cell = make_cell("lan")
    foreign_caddyfile(cell)
    cell.set(picdns={"caddy": {"probe": "127.0.0.1:1"}})
    with pytest.raises(DeployFailed, match="the config before is back"):
        cell.runner.up()
    assert cell.caddyfile.read_bytes() == FOREIGN
    assert stat.S_IMODE(cell.caddyfile.stat().st_mode) == 0o600


def test_generations_that_caddy_may_need_are_never_removed(make_cell: MakeCell) -> None:
    """Caddy refuses to start when one is missing."""
    cell = make_cell("lan")
    for _ in range(4):
        cell.runner.renew("home.cell", force=True)
    named = {line.split()[1] for line in cell.caddyfile.read_text().splitlines() if "tls " in line}
    assert named
    assert all(Path(path).exists() for path in named)
    assert len(list(cell.base.glob("certs/home.cell/0*"))) <= 2


def test_unknown_name_below_a_wildcard_gets_a_plain_answer(make_cell: MakeCell) -> None:
    """TLS works for it, and it is said that there is no such service."""
    cell = make_cell("lan")
    cell.runner.up()
    answer = cell.get("nothing.home.cell")
    assert (answer.status, answer.body) == (404, "No service of this cell has this name.")


def test_state_that_was_wiped_under_a_running_caddy_is_served_anew(make_cell: MakeCell) -> None:
    """The Caddyfile is the same to the letter, and yet its certificates are others."""
    cell = make_cell("lan")
    cell.runner.up()
    text = cell.caddyfile.read_text()
    shutil.rmtree(cell.base)
    assert cell.runner.up().failed == ()
    assert cell.caddyfile.read_text() == text
    found = cell.certificate("home.cell")
    assert found.served == found.serial


def test_caddyfile_that_is_a_link_stays_one(make_cell: MakeCell) -> None:
    """The file that it names is written."""
    cell = make_cell("lan")
    real = cell.root / "etc/Caddyfile"
    real.parent.mkdir()
    cell.caddyfile.parent.mkdir(parents=True)
    cell.caddyfile.symlink_to(real)
    cell.runner.up()
    assert cell.caddyfile.is_symlink()
    assert real.read_text().startswith("# Generated by picdns")


def test_proxy_of_the_environment_is_not_asked_for_caddy(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts in containers often have one set."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    cell = make_cell("lan")
    assert cell.runner.up().failed == ()


def test_caddy_that_lost_its_routes_has_them_before_the_ca_asks(make_cell: MakeCell) -> None:
    """Also when nothing on disk is new."""
    cell = make_cell()
    cell.set(picdns={"acme": {"directory": "https://127.0.0.1:1/dir"}})
    cell.runner.up()
    assert cell.caddy
    assert cell.pebble
    nothing = {"admin": {"listen": cell.caddy.admin}}
    requests.post(f"http://{cell.caddy.admin}/load", json=nothing, timeout=10).raise_for_status()
    cell.set(picdns={"acme": {"directory": cell.pebble.directory}})
    assert cell.runner.up().failed == ()
    assert cell.get(NAME).status == 200
