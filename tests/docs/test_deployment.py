"""The unit and the Compose file can be used as they are, and agree with the pages."""

import configparser
import json
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picdns_core.cli.commands import picdns
from picdns_core.settings.surroundings import CaddySettings

from . import pages

yaml = pytest.importorskip("yaml")
UNIT = pages.CHECKOUT / "docs/examples/picdns.service"
COMPOSE = pages.CHECKOUT / "docs/examples/compose.yaml"
EXECUTABLE = "/opt/picdns/bin/picdns"


@pytest.fixture
def unit() -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # as its pages say
    parsed.read(UNIT)
    return parsed


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@pytest.fixture
def settings() -> dict[str, Any]:
    """What the page about Caddy says of containers, below `picdns`."""
    blocks = pages.blocks("docs/caddy.md", "json")
    [found] = [one for one in blocks if one.heading == "In containers"]
    settings: dict[str, Any] = json.loads(found.text)["picdns"]
    return settings


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return where a container sees directories of the host."""
    split = (one.split(":") for one in service["volumes"])
    return {posixpath.normpath(host): seen for host, seen, *_ in split}


def seen(path: str, where: dict[str, str]) -> Iterator[str]:
    """Return how a path of the host is called in a container that has these mounts."""
    for host, there in where.items():
        if f"{path}/".startswith(f"{host}/"):
            yield posixpath.normpath(f"{there}/{path.removeprefix(host)}")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_unit_is_what_systemd_understands(tmp_path: Path) -> None:
    """Every key and value, of those that are for some cells only, too."""
    text = UNIT.read_text().replace(EXECUTABLE, "/bin/true")
    whole = re.sub(r"^#(?=\w+=)", "", text, flags=re.MULTILINE)
    for name, content in {"plain": text, "whole": whole}.items():
        path = tmp_path / f"{name}.service"
        path.write_text(content)
        words = ["systemd-analyze", "verify", "--man=no", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_unit_runs_a_command_that_there_is(unit: configparser.RawConfigParser) -> None:
    """Below the root that it may write to; and as the page installs it."""
    service = unit["Service"]
    executable, command = service["ExecStart"].split()
    assert (executable, command in picdns.commands) == (EXECUTABLE, True)
    root = service["Environment"].removeprefix("PICDNS_ROOT=")
    assert root == f"/var/lib/{service['StateDirectory']}"
    page = pages.read("docs/heartbeat.md")
    for part in (root, EXECUTABLE, f"useradd --system {service['User']}", UNIT.name):
        assert part in page


def test_unit_waits_for_no_network(unit: configparser.RawConfigParser) -> None:
    """The heartbeat does; a boot without network is none that failed."""
    assert "network-online" not in UNIT.read_text()
    assert unit["Service"]["RestartPreventExitStatus"] == "2"


def test_page_names_settings_of_the_unit(unit: configparser.RawConfigParser) -> None:
    """What one reads there is found in the file."""
    section = pages.section("docs/heartbeat.md", "## As a systemd unit")
    named = set(re.findall(r"`([A-Z]\w+)=\w*`", section)) - {"ReadWritePaths"}
    assert named == {"SupplementaryGroups", "StateDirectory", "ProtectHome"}
    for one in named:
        assert f"{one}=" in UNIT.read_text()


def test_compose_has_the_mounts_of_the_page_about_caddy(
    compose: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Each directory of `paths` is what both containers call it; so is Caddy's own file."""
    ours, theirs = (mounts(compose["services"][one]) for one in ("picdns", "caddy"))
    root = compose["services"]["picdns"]["environment"]["PICDNS_ROOT"]
    paths: dict[str, str] = settings["caddy"]["paths"]
    for here, there in paths.items():
        assert list(seen(here, ours)) == [f"{root}/{here}"]
        assert list(seen(here, theirs)) == [there]
    caddyfile = CaddySettings().caddyfile
    assert list(seen(caddyfile, ours)) == [f"{root}/{caddyfile}"]
    assert list(seen(caddyfile, theirs)) == ["/etc/caddy/Caddyfile"]


def test_compose_has_the_mounts_that_its_page_lists(compose: dict[str, Any]) -> None:
    """Host, picdns and Caddy in a table."""
    ours, theirs = (mounts(compose["services"][one]) for one in ("picdns", "caddy"))
    section = pages.section("docs/heartbeat.md", "## In a container")
    rows = re.findall(r"^\| `([^`]+)/` \| `([^`]+)` \| (?:`([^`]+)`)? ?\|$", section, re.MULTILINE)
    assert [row[0] for row in rows] == ["config", "config/caddy", "data", "data/api/picdns"]
    for host, here, there in rows:
        assert list(seen(host, ours)) == [here]
        assert list(seen(host, theirs)) == ([there] if there else [])


def test_compose_lets_both_meet_at_the_admin_endpoint_and_nobody_else(
    compose: dict[str, Any], settings: dict[str, Any]
) -> None:
    """By an alias on a network of these two, which the Caddyfile to start with names as well."""
    picdns_, caddy = (compose["services"][one] for one in ("picdns", "caddy"))
    [shared] = set(picdns_["networks"]) & set(caddy["networks"])
    assert compose["networks"][shared]["internal"] is True
    [alias] = caddy["networks"][shared]["aliases"]
    assert settings["caddy"]["admin"] == f"{alias}:2019"
    assert settings["caddy"]["probe"] == f"{alias}:443"
    first = pages.blocks("docs/caddy.md", "caddyfile")[0].text
    assert f"admin {alias}:2019\n" in first
    assert not any("2019" in port for port in caddy["ports"])
    assert f"admin {alias}:2019" in pages.read("docs/heartbeat.md")


def test_compose_gives_caddy_the_group_that_may_read_keys(
    compose: dict[str, Any], settings: dict[str, Any]
) -> None:
    """And picdns is in it, so that it can give files to it."""
    users = [compose["services"][one]["user"].split(":") for one in ("picdns", "caddy")]
    assert {group for _, group in users} == {str(settings["files"]["group"])}
    assert users[0][0] != users[1][0]


def test_compose_runs_a_command_that_there_is(compose: dict[str, Any]) -> None:
    """In an image that has it."""
    service = compose["services"]["picdns"]
    [command] = service["command"]
    assert service["entrypoint"] == ["picdns"]
    assert command in picdns.commands
    assert "'/src[cli]'" in service["build"]["dockerfile_inline"]
