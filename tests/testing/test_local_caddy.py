"""Caddy: started, asked, restarted and killed."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from picdns_core.testing import LocalInternet, ServerFailed
from picdns_core.testing.pytest_plugin import CaddyFactory


@pytest.fixture
def site(local_internet: LocalInternet, caddyfile: Callable[..., Path]) -> Callable[..., Path]:
    """Write a Caddyfile with one HTTPS site, whose certificate is the harness's."""

    def write(name: str, answer: str) -> Path:
        files = local_internet.authority.issue(name)
        return caddyfile(
            f"https://{name}:{local_internet.https_port} {{\n"
            f" tls {files.chain} {files.key}\n {answer}\n}}"
        )

    return write


@pytest.fixture
def root(local_internet: LocalInternet) -> str:
    """The root of the harness's CA in PEM."""
    return local_internet.authority.bundle.read_text()


def test_a_verified_answer_has_the_certificate(
    caddy: CaddyFactory, site: Callable[..., Path], root: str
) -> None:
    """A name is asked for over TLS without looking it up, and the leaf is in the answer."""
    server = caddy(site("www.home.test", 'respond "{host} {path}" 203'))
    answer = server.get("www.home.test", "/some/where", ca=root)
    assert (answer.status, answer.body) == (203, "www.home.test /some/where")
    assert answer.names == ["www.home.test"]
    assert "trustme" in answer.issuer
    assert answer.serial > 0
    assert answer.headers["server"] == "Caddy"


def test_a_wrong_name_is_not_accepted(
    caddy: CaddyFactory, site: Callable[..., Path], root: str, local_internet: LocalInternet
) -> None:
    """Nothing that fails verification is returned as an answer."""
    files = local_internet.authority.issue("www.home.test")
    server = caddy(site("www.home.test", f"tls {files.chain} {files.key}\n respond ok"))
    with pytest.raises(ssl.SSLError):
        server.get("other.home.test", ca=root)
    with pytest.raises(ssl.SSLCertVerificationError):
        server.get("www.home.test", ca=local_internet.pebble.root())


def test_a_service_is_reached_through_caddy(
    local_internet: LocalInternet, caddy: CaddyFactory, site: Callable[..., Path], root: str
) -> None:
    """The name of the service behind comes back, and it saw which name was asked for."""
    with local_internet.backend("photos") as photos:
        server = caddy(site("photos.home.test", f"reverse_proxy {photos.address}"))
        assert server.get("photos.home.test", ca=root).body == "photos"
        assert f"photos.home.test:{server.https_port}" == photos.requests[0].header("Host")


def test_without_a_caddyfile_there_is_the_admin_api(
    local_internet: LocalInternet,
    caddy: CaddyFactory,
    site: Callable[..., Path],
    tmp_path: Path,
    root: str,
) -> None:
    """Caddy waits for its first configuration, which can be loaded over the admin API."""
    server = caddy(tmp_path / "Caddyfile")
    with pytest.raises(OSError, match="refused"):
        server.get_plain("www.home.test")
    config = site("www.home.test", "respond loaded")
    requests.post(
        f"http://{server.admin}/load",
        data=config.read_bytes(),
        headers={"Content-Type": "text/caddyfile"},
        timeout=10,
    ).raise_for_status()
    assert server.get("www.home.test", ca=root).body == "loaded"


def test_a_cold_restart_serves_what_is_on_disk(
    caddy: CaddyFactory, site: Callable[..., Path], root: str
) -> None:
    """After a kill, Caddy comes back with the Caddyfile as it is then."""
    server = caddy(site("www.home.test", "respond before"))
    assert server.get("www.home.test", ca=root).body == "before"
    site("www.home.test", "respond after")
    server.kill()
    with pytest.raises(OSError, match="refused"):
        server.get("www.home.test", ca=root)
    server.start()
    assert server.get("www.home.test", ca=root).body == "after"


def test_a_bad_caddyfile_is_told_from_the_log(caddy: CaddyFactory, tmp_path: Path) -> None:
    """A server that ends early is not waited for, and says why."""
    file = tmp_path / "Caddyfile"
    file.write_text("nonsense {{{")
    with pytest.raises(ServerFailed, match=r"(?s)caddy ended early, status 1.*using config from"):
        caddy(file)


def test_only_one_runs_at_a_time(caddy: CaddyFactory, caddyfile: Callable[..., Path]) -> None:
    """Two servers would share the ports without a word; the second one is refused."""
    first = caddy(caddyfile())
    with pytest.raises(ServerFailed, match="close it first"):
        caddy(caddyfile())
    first.close()
    assert caddy(caddyfile()).pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start servers as others")
def test_it_can_run_as_another_user(caddy: CaddyFactory) -> None:
    """A server started as somebody else has that user's rights and no groups of root."""
    server = caddy(user="nobody", group="nogroup")
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "Uid:\t65534\t65534" in status
    assert "Groups:\t \n" in status
