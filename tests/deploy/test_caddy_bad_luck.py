"""Bad luck with Caddy: down, slow, refusing, dying. What was served comes back, or is said."""

import re
import threading
import time

import pytest
import requests

from picdns_core import CaddyDown, DeployFailed, Runner
from picdns_core.deploy import caddy as client
from picdns_core.errors import StoreError
from picdns_core.store import FileStore
from picdns_core.testing import Answer, Cut, Delay, Fault, Request
from tests.conftest import Cell, MakeCell

NAME = "files.home.test"


def test_refused_load_leaves_file_and_config_as_they_were(make_cell: MakeCell) -> None:
    """Caddy accepts to adapt a config whose key is missing, and then refuses to load it."""
    cell = make_cell("lan")
    cell.runner.up()
    before, serial = cell.caddyfile.read_text(), cell.certificate("home.cell").serial
    cell.set(picdns={"caddy": {"paths": {str(cell.root): "/nowhere"}}})
    with pytest.raises(DeployFailed) as refused:
        cell.runner.renew("home.cell", force=True)
    assert "no such file" in refused.value.message
    assert "picdns.caddy.paths" in refused.value.hint
    assert cell.caddyfile.read_text() == before
    assert cell.certificate("home.cell").served == serial
    assert cell.certificate("home.cell").serial == serial
    cell.set(picdns={"caddy": {"paths": {}}})
    cell.runner.up()
    assert cell.certificate("home.cell").served != serial


def test_caddy_that_is_down_is_said_and_gets_its_file_to_start_from(make_cell: MakeCell) -> None:
    """Certificates are kept; once Caddy runs, `up` completes without asking the CA again."""
    cell = make_cell()
    cell.runner.up()
    cell.forget_asked()
    assert cell.caddy
    cell.caddy.stop()
    with pytest.raises(DeployFailed) as down:
        cell.runner.renew(NAME, force=True)
    assert "Caddy does not answer" in down.value.message
    assert "Start Caddy" in down.value.hint
    assert cell.asked()["/order-plz"] == 0
    cell.caddyfile.unlink()
    with pytest.raises(DeployFailed):
        cell.runner.up()
    cell.caddy.start()
    assert cell.get(NAME).status == 200
    assert cell.runner.up().failed == ()


def test_caddy_down_does_not_keep_lan_from_its_certificates(make_cell: MakeCell) -> None:
    """They are on disk when Caddy comes back, and are then served."""
    cell = make_cell("lan")
    assert cell.caddy
    cell.caddy.stop()
    with pytest.raises(DeployFailed):
        cell.runner.up()
    cell.caddy.start()
    cell.runner.up()
    assert cell.get("files.home.cell").status == 200
    generations = [path.name for path in cell.base.glob("certs/*/0*")]
    assert generations == ["000001", "000001"]


def test_certificate_that_is_not_served_brings_the_old_one_back(make_cell: MakeCell) -> None:
    """Where something else answers at the probe, the config before is loaded again."""
    cell = make_cell("lan")
    cell.runner.up()
    before, serial = cell.caddyfile.read_text(), cell.certificate("home.cell").serial
    assert cell.caddy
    cell.set(picdns={"caddy": {"probe": cell.caddy.admin}})
    with pytest.raises(DeployFailed) as failed:
        cell.runner.renew("home.cell", force=True)
    assert "it serves nothing for home.cell" in failed.value.message
    assert cell.caddyfile.read_text() == before
    cell.set(picdns={"caddy": {"probe": None}})
    assert cell.certificate("home.cell").serial == serial
    assert cell.certificate("home.cell").served == serial


@pytest.mark.parametrize("fault", [Cut("request"), Cut("reply"), Answer(500, {}, "{}")])
def test_admin_endpoint_that_breaks_in_the_middle_is_mended_by_the_next_up(
    make_cell: MakeCell, fault: Answer | Cut
) -> None:
    """Until then, all is as it was."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    proxy = cell.net.fault_proxy(f"http://{cell.caddy.admin}", keep_host=False)
    rule = proxy.on("POST", "/load", fault)
    before, text = cell.get("home.cell").serial, cell.caddyfile.read_text()
    admin = proxy.url.removeprefix("http://")
    cell.set(picdns={"caddy": {"admin": admin}})
    with pytest.raises(DeployFailed):
        cell.runner.renew("home.cell", force=True)
    assert cell.caddyfile.read_text() == text
    assert cell.get("home.cell").serial == before
    proxy.faults.remove(rule)
    cell.set(picdns={"caddy": {"admin": cell.caddy.admin}})
    assert cell.runner.up().failed == ()
    found = cell.certificate("home.cell")
    assert found.served == found.serial
    proxy.close()


def test_caddy_that_lost_its_config_gets_it_again(make_cell: MakeCell) -> None:
    """`up` looks at what is served, not only at files."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    cell.caddy.stop()
    kept = cell.caddyfile.read_text()
    cell.caddyfile.unlink()
    cell.caddy.start()
    cell.caddyfile.write_text(kept)
    assert cell.certificate("home.cell").served is None
    assert cell.runner.up().deployed
    assert cell.certificate("home.cell").served is not None


def test_caddy_that_dies_in_a_rollback_leaves_the_file_that_was_good(make_cell: MakeCell) -> None:
    """It will start from it."""
    cell = make_cell("lan")
    cell.runner.up()
    before, serial = cell.caddyfile.read_text(), cell.certificate("home.cell").serial
    assert cell.caddy
    cell.set(picdns={"caddy": {"probe": cell.caddy.admin}})
    killer = threading.Thread(target=_kill_when_changed, args=(cell, before))
    killer.start()
    with pytest.raises(CaddyDown):
        cell.runner.renew("home.cell", force=True)
    killer.join()
    assert cell.caddyfile.read_text() == before
    cell.caddy.start()
    cell.set(picdns={"caddy": {"probe": None}})
    found = cell.certificate("home.cell")
    assert found.served == found.serial == serial


def _kill_when_changed(cell: Cell, before: str) -> None:
    assert cell.caddy
    deadline = time.monotonic() + 20
    while cell.caddyfile.read_text() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    cell.caddy.kill()


def test_rollback_leaves_a_caddy_that_served_something_else_as_it_was(make_cell: MakeCell) -> None:
    """What ran before is what runs after, whoever configured it."""
    cell = make_cell("lan")
    assert cell.caddy
    foreign = (
        f"{{\n\tadmin {cell.caddy.admin}\n\tauto_https off\n}}\n"
        f'http://:{cell.caddy.http_port} {{\n\trespond "foreign"\n}}\n'
    )
    load = f"http://{cell.caddy.admin}/load"
    headers = {"Content-Type": "text/caddyfile"}
    requests.post(load, data=foreign, headers=headers, timeout=10).raise_for_status()
    cell.set(picdns={"caddy": {"probe": "127.0.0.1:1"}})
    with pytest.raises(DeployFailed, match="the config before is back"):
        cell.runner.up()
    assert cell.caddy.get_plain("other.test").body == "foreign"
    assert not cell.caddyfile.exists()


def test_caddy_that_is_down_is_said_before_the_ca_is_asked(make_cell: MakeCell) -> None:
    """With no certificate yet as well: a validation that must fail is not begun."""
    cell = make_cell()
    cell.set(picdns={"acme": {"directory": "https://127.0.0.1:1/dir"}})
    cell.runner.up()
    assert cell.caddy
    assert cell.pebble
    cell.caddy.stop()
    cell.set(picdns={"acme": {"directory": cell.pebble.directory}})
    with pytest.raises(CaddyDown):
        cell.runner.up()
    assert cell.asked()["/order-plz"] == 0


def test_server_that_is_not_caddy_is_told_from_it(make_cell: MakeCell) -> None:
    """It may answer 200 to everything."""
    cell = make_cell("lan")
    backend = cell.net.backend("I am not Caddy")
    cell.set(picdns={"caddy": {"admin": backend.address}})
    with pytest.raises(DeployFailed, match="is not Caddy"):
        cell.runner.up()
    assert not cell.caddyfile.exists()


class Unheard(Fault):
    """Caddy gets what it is sent, under its own address, and the answer is lost."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self.taken: list[int] = []

    def before(self, request: Request) -> None:
        listen = rb"\g<1>" + self.admin.encode()
        body = re.sub(rb'("listen": ?")127[^"]+', listen, request.body)
        kind = {key: value for key, value in request.headers if key.lower() == "content-type"}
        answer = requests.post(f"http://{self.admin}/load", body, headers=kind, timeout=10)
        self.taken.append(answer.status_code)
        raise ConnectionAbortedError


def test_config_that_caddy_took_unheard_is_taken_back(make_cell: MakeCell) -> None:
    """Else it would serve what neither the file nor the links name."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    before, text = cell.get("files.cell").serial, cell.caddyfile.read_text()
    unheard = Unheard(cell.caddy.admin)
    with cell.net.fault_proxy(f"http://{cell.caddy.admin}", keep_host=False) as proxy:
        proxy.on("POST", "/load", unheard)
        cell.set(picdns={"caddy": {"admin": proxy.url.removeprefix("http://")}})
        with pytest.raises(CaddyDown):
            cell.runner.renew(force=True)
    assert unheard.taken == [200, 200]
    assert cell.get("files.cell").serial == before
    assert cell.caddyfile.read_text() == text


def test_caddy_that_is_slow_is_not_waited_for_long(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next `up` completes."""
    cell = make_cell("lan")
    cell.runner.up()
    assert cell.caddy
    before, text = cell.get("files.cell").serial, cell.caddyfile.read_text()
    with cell.net.fault_proxy(f"http://{cell.caddy.admin}", keep_host=False) as proxy:
        proxy.on("POST", "/load", Delay(1.0), first=1)
        monkeypatch.setattr(client, "_TIMEOUT", (3.0, 0.4))
        cell.set(picdns={"caddy": {"admin": proxy.url.removeprefix("http://")}})
        with pytest.raises(CaddyDown, match="no answer in time"):
            cell.runner.renew(force=True)
        monkeypatch.undo()
    assert cell.caddyfile.read_text() == text
    cell.set(picdns={"caddy": {"admin": cell.caddy.admin}})
    assert cell.runner.up().deployed
    assert cell.get("files.cell").serial != before


class FullDisk(FileStore):
    """State on a disk that is full when the last good Caddyfile is to be kept."""

    def put(self, key: str, data: bytes) -> None:
        if key == "deploy/Caddyfile":
            raise StoreError("No space left on device.", hint="Make room.")
        super().put(key, data)


def test_what_fails_after_caddy_took_the_config_brings_all_of_it_back(make_cell: MakeCell) -> None:
    """Caddy's config, the Caddyfile and the links."""
    cell = make_cell("lan")
    cell.runner.up()
    before, text = cell.get("files.cell").serial, cell.caddyfile.read_text()
    with pytest.raises(StoreError, match="No space left"):
        Runner(cell.root, store=FullDisk(cell.root)).renew(force=True)
    assert cell.get("files.cell").serial == before
    assert cell.caddyfile.read_text() == text
    assert int(cell.certificate("files.cell").serial, 16) == before
    assert cell.runner.up().deployed
    assert cell.get("files.cell").serial != before
