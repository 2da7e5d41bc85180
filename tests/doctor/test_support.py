"""What is packed for a helper has no secret, wherever one may stand."""

import io
import json
import tarfile

from picdns_core import ChallengeFailed, Runner
from picdns_core.clock import Clock
from picdns_core.store import FileStore
from picdns_core.store.failures import Failures
from tests.conftest import Cell, MakeCell

CANARY = "canary-of-a-secret"
HERE = {"ipv4": "127.0.0.1", "ipv6": "off", "also_global": ["127.0.0.0/8"]}


def packed(runner: Runner) -> dict[str, str]:
    """Return the texts of the archive by their names."""
    with tarfile.open(fileobj=io.BytesIO(runner.support_bundle())) as archive:
        members = archive.getmembers()
        assert {one.mode for one in members} == {0o600}
        files = {one.name: archive.extractfile(one) for one in members}
        return {
            name.partition("/")[2]: file.read().decode() for name, file in files.items() if file
        }


def test_what_a_helper_needs_is_there(make_cell: MakeCell) -> None:
    cell = make_cell("http01")
    cell.runner.up()
    texts = packed(cell.runner)
    assert texts.keys() == {
        "README.txt",
        "versions.json",
        "doctor.json",
        "config.json",
        "status.json",
        "files.txt",
        "Caddyfile",
        "Corefile",
    }
    assert json.loads(texts["versions.json"])["modes"]["http01"] == "picdns-http01"
    assert {one["name"] for one in json.loads(texts["doctor.json"])["checks"]} >= {"caddy", "dns"}
    config = json.loads(texts["config.json"])
    assert (config["domain_name"], config["services"][0]["name"]) == ("home.test", "files")
    assert json.loads(texts["status.json"])["certificates"]
    assert texts["Caddyfile"] == cell.caddyfile.read_text()
    assert "certs/files.home.test/" in texts["files.txt"]


def test_no_secret_is_there(make_cell: MakeCell) -> None:
    """Canaries stand wherever people, hosts and services put them."""
    cell = _with_canaries(make_cell)
    texts = packed(cell.runner)
    together = "\n".join(texts.values())
    assert CANARY not in together
    assert cell.account
    assert cell.account.ddns["token"] not in together
    keys = [*cell.base.rglob("privkey.pem"), *cell.base.glob("secrets/**/*.pem")]
    assert len(keys) > 2
    for key in keys:
        for line in key.read_text().splitlines()[1:-1]:
            assert line not in together
    assert "looked with *** and *** and *** in hand" in texts["status.json"]
    assert "left out" in texts["Caddyfile"]
    assert "mailbox" not in together


def test_a_config_that_is_broken_is_said(make_cell: MakeCell) -> None:
    """The rest is there, without what stands in the config."""
    cell = _with_canaries(make_cell)
    cell.config_file.write_text(json.dumps({"ddns": {"token": f"{CANARY}-9"}, "picdns": 7}))
    texts = packed(cell.runner)
    assert "could not be had" in texts["config.json"]
    assert "picdns" in json.loads(texts["doctor.json"])["checks"][0]["finding"]
    assert CANARY not in "\n".join(texts.values())


def _with_canaries(make_cell: MakeCell) -> Cell:
    cell = make_cell("cloudflare")
    cell.set(picdns={"address": HERE})
    cell.runner.up()
    assert cell.account
    source = {"operator": "Mine", "url": f"https://me:{CANARY}-1@echo.test/"}
    other = {"operator": "Yours", "url": "https://echo.test/"}
    cell.set(
        mail={"password": f"{CANARY}-2"},
        ddns={**cell.account.ddns, "own_key_of_the_host": f"{CANARY}-3"},
        picdns={
            "address": {**HERE, "sources": [source, other]},
            "notify": {"urls": f"json://me:{CANARY}-4@mail.test/"},
            "acme": {
                "email": "mailbox@example.org",
                "eab": {"kid": "1", "hmac_key": f"{CANARY}-5"},
            },
        },
    )
    token_file = cell.root / "data/api/.ddns_token"
    token_file.write_text(f"{CANARY}-6")
    token_file.chmod(0o600)
    with cell.caddyfile.open("a") as file:
        file.write(f"# basic_auth me {CANARY}-7\n")
    error = ChallengeFailed(f"It looked with {cell.account.ddns['token']} in hand.", hint="-")
    failures = Failures(FileStore(cell.root), Clock.of_host())
    failures.note("cell", error)
    written = cell.base / "failures.json"
    told = f"{cell.account.ddns['token']} and {CANARY}-6 and {CANARY}-8"
    written.write_text(written.read_text().replace("***", told))
    (cell.base / "secrets/former").mkdir(mode=0o700)
    (cell.base / "secrets/former/token").write_text(f"{CANARY}-8")
    return cell
