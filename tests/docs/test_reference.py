"""What the reference pages list is what there is, no more and no less."""

import inspect
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect as structs

from picdns_core import CertFiles, Heartbeat, hookspecs, installed_modes
from picdns_core.contract import PROVIDER_HOOKS
from picdns_core.settings import PicdnsSettings
from picdns_core.testing import LocalInternet
from tests.cli.shell import Shell
from tests.conftest import MakeCell

from . import pages

CELL = {
    "cell_name",
    "domain_mode",
    "domain_name",
    "services",
    "services[].name",
    "services[].upstream",
    "ddns",
    "ddns.subdomain",
}
COMMANDS = (
    "modes",
    "init",
    "up",
    "run",
    "status",
    "explain",
    "doctor",
    "support-bundle",
    "renew",
    "rehearse",
    "revoke",
    "adopt",
    "ca",
    "teardown",
    "services",
    "switch",
    "release",
)


def settings(node: Any, above: str) -> Iterator[str]:
    """Name every key that can be set below `above`."""
    if isinstance(node, structs.Metadata):
        yield from settings(node.type, above)
    elif isinstance(node, structs.UnionType):
        for option in node.types:
            yield from settings(option, above)
    elif isinstance(node, structs.VarTupleType):
        yield from settings(node.item_type, f"{above}[]")
    elif isinstance(node, structs.StructType):
        for one in node.fields:
            yield f"{above}.{one.encode_name}"
            yield from settings(one.type, f"{above}.{one.encode_name}")


def test_configuration_names_every_key_and_no_other() -> None:
    """Those of the cell, and those of our settings as they are declared."""
    listed = pages.first_column(pages.read("docs/configuration.md"))
    assert len(listed) == len(set(listed))
    assert set(listed) == CELL | set(settings(structs.type_info(PicdnsSettings), "picdns"))


def test_configuration_gives_the_defaults_that_hold() -> None:
    """Of plain values; sections are `{}` or null."""
    rows = [line.split(" | ") for line in pages.read("docs/configuration.md").splitlines()]
    shown = {row[0].strip("|` "): row[1].strip("`") for row in rows if len(row) > 2}
    for section in ("acme", "address", "caddy", "dns", "files", "http", "metrics", "notify"):
        declared = next(_struct(PicdnsSettings, section))
        for one in declared.fields:
            if isinstance(one.default, str | int | None):
                assert json.loads(shown[f"picdns.{section}.{one.encode_name}"]) == one.default


def _struct(settings: type, section: str) -> Iterator[structs.StructType]:
    info = structs.type_info(settings)
    assert isinstance(info, structs.StructType)
    [node] = [one.type for one in info.fields if one.encode_name == section]
    found = node.type if isinstance(node, structs.Metadata) else node
    for option in found.types if isinstance(found, structs.UnionType) else (found,):
        if isinstance(option, structs.StructType):
            yield option


def test_examples_of_the_config_are_accepted(shell: Shell) -> None:
    """Each JSON block of the pages about it is a config, or a part of one."""
    for page in ("docs/configuration.md", "docs/caddy.md"):
        for block in pages.blocks(page, "json"):
            cell = {"cell_name": "home", "domain_mode": "lan"}
            config = cell | json.loads(block.text.replace('"group": "caddy"', '"group": 0'))
            shell.config_file.parent.mkdir(parents=True, exist_ok=True)
            shell.config_file.write_text(json.dumps(config))
            assert shell.call("status").exit_code == 0


def test_hooks_of_the_pages_are_those_of_the_contract() -> None:
    """Provider's hooks in one page, observers' in the other."""
    hooks = [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)]
    observers = {name for name in hooks if name not in PROVIDER_HOOKS}
    provider = pages.first_column(pages.section("docs/architecture.md", "## The contract"))
    told = pages.first_column(pages.section("docs/host.md", "## Observers"))
    assert set(provider) == set(PROVIDER_HOOKS)
    assert set(told) == observers


@pytest.mark.parametrize("mode", sorted(installed_modes()))
def test_messages_of_the_page_are_those_that_are_said(mode: str) -> None:
    """Whoever searches a page for what was on the screen finds it."""
    folders = ("picdns_core", f"plugins/{mode}")
    files = (path for folder in folders for path in pages.CHECKOUT.glob(f"{folder}/**/*.py"))
    source = "".join(path.read_text() for path in files)
    listed = pages.first_column(pages.section(f"docs/modes/{mode}.md", "## When it fails"))
    assert listed
    for message in listed:
        for part in filter(None, message.split("…")):
            assert part.strip() in source, message


def test_each_installed_mode_has_its_page() -> None:
    """And the README's table links it."""
    for name in installed_modes():
        assert f"| [`{name}`](docs/modes/{name}.md) |" in pages.read("README.md")


def shape(value: Any) -> Any:
    """Reduce JSON to its fields; lists to what their elements have together."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "null" if value is None else "value"


def shown(command: str, number: int = 0) -> Any:
    """Return the JSON that the page shows for a command, the first block or a later one."""
    blocks = pages.blocks("docs/command-line.md", "json")
    found = [block for block in blocks if block.heading == f"`picdns {command}`"]
    return json.loads(found[number].text)


def test_every_command_and_option_is_on_the_page(shell: Shell) -> None:
    """Of commands each has its heading, of options each is named."""
    page = pages.read("docs/command-line.md")
    for command in COMMANDS:
        assert f"## `picdns {command}`" in page
        words = shell.call(command, "--help").stdout.split()
        for option in (word for word in words if word.startswith("--") and word != "--help"):
            assert f"`{option.strip(',.')}" in page


def test_fields_on_the_page_are_those_that_are_printed(shell: Shell) -> None:
    """For each command, and for an error."""
    assert shape(shown("modes")) == shape(shell.json("modes"))
    cell = ("init", "--cell-name", "home", "--mode", "lan", "--service", "files=a:1")
    assert shape(shown("init")) == shape(shell.json(*cell))
    shell.json("up")
    assert shape(shown("ca")) == shape(shell.json("ca"))
    renewed = shell.json("renew", "--force", "--name", "files.cell")
    assert shape(shown("renew")) == shape(renewed)
    assert shape(shown("teardown")) == shape(shell.json("teardown"))
    error = next(
        one for one in pages.blocks("docs/command-line.md", "json") if one.heading == "Errors"
    )
    assert shape(json.loads(error.text)) == shape(shell.json("renew", "--name", "-", code=1))


@pytest.mark.usefixtures("shell")
def test_fields_of_what_fails_are_those_that_are_printed(make_cell: MakeCell) -> None:
    """With something issued, something failed and something served."""
    cell = make_cell("http01")
    shell = Shell(cell.root)
    cell.runner.up()
    Heartbeat(cell.runner).tick(datetime.now(UTC))
    nowhere = "https://127.0.0.1:1/dir"
    cell.services(("files", "photos"), cell.config()["services"][0]["upstream"])
    cell.set(picdns={"acme": {"directory": nowhere, "staging": nowhere}})
    assert shape(shown("up") | {"addresses": []}) == shape(shell.json("up", code=1))
    assert shape(shown("rehearse") | {"issued": []}) == shape(shell.json("rehearse", code=1))
    assert shape(shown("status")) == shape(shell.json("status"))
    event = first_line(shell)
    known = {"did": [], "certificates": dict.fromkeys(event["certificates"], "")}
    assert shape(shown("run") | known) == shape(event)


def first_line(shell: Shell) -> Any:
    """Return what `picdns run --json` prints first, and end it."""
    words = shell.command("run", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            return json.loads(process.stdout.readline() if process.stdout else "")
        finally:
            process.terminate()


@pytest.mark.usefixtures("shell")
def test_fields_of_services_are_those_that_are_printed(make_cell: MakeCell) -> None:
    """With something added, kept and issued."""
    cell = make_cell("http01", caddy=False)
    cell.runner.up()
    shell = Shell(cell.root)
    assert shape(shown("services")) == shape(shell.json("services"))
    added = shell.json("services", "add", "photos", "127.0.0.1:8081")
    assert shape(shown("services add")) == shape(added)
    shown_actions = [one["action"] for one in shown("services add")["certificates"]]
    assert shown_actions == [one["action"] for one in added["certificates"]]


def test_fields_of_switch_are_those_that_are_printed(shell: Shell) -> None:
    """Planned, made, and with something to give back."""
    shell.json("init", "--cell-name", "home", "--mode", "lan")
    shell.json("up")
    words = ("switch", "lan", "--domain", "haus.cell")
    assert shape(shown("switch", 1)) == shape(shell.json(*words, "--plan"))
    assert shape(shown("switch")) == shape(shell.json(*words))
    assert shown("release").keys() == shell.json("release", "pic_ngo").keys()


@pytest.mark.usefixtures("shell")
def test_fields_of_revoke_are_those_that_are_printed(make_cell: MakeCell) -> None:
    """With another certificate had."""
    cell = make_cell("http01")
    cell.runner.up()
    revoked = Shell(cell.root).json("revoke", "--name", "files.home.test")
    assert shape(shown("revoke")) == shape(revoked)


@pytest.mark.usefixtures("shell")
def test_fields_of_addresses_are_those_that_are_printed(make_cell: MakeCell) -> None:
    """In a mode that publishes them, once they are confirmed."""
    cell = make_cell("cloudflare", caddy=False)
    address = {"ipv4": "192.0.2.7", "ipv6": "off", "also_global": ["192.0.2.0/24"]}
    cell.set(picdns={"address": address})
    up = Shell(cell.root).json("up")
    assert shape(shown("up")["addresses"]) == shape(up["addresses"])
    status = Shell(cell.root).json("status")
    assert shape(shown("status", 1)) == shape({"addresses": status["addresses"]})


@pytest.mark.usefixtures("shell")
def test_fields_of_explain_and_of_differences_are_those_that_are_printed(
    make_cell: MakeCell,
) -> None:
    """On a name's way, and while Caddy is down."""
    cell = make_cell("lan")
    shell = Shell(cell.root)
    cell.runner.up()
    assert shape(shown("explain")) == shape(shell.json("explain", "files"))
    assert cell.caddy
    cell.caddy.stop()
    status = shell.json("status")
    found = {"found": [""]}
    differences = [one | found for one in status["differences"]]
    assert shape(shown("status", 2)) == shape({"differences": differences})


def test_fields_of_the_doctor_are_those_that_are_printed(shell: Shell, tmp_path: Path) -> None:
    """And of what it packs for a helper."""
    shell.json("init", "--cell-name", "home", "--mode", "lan")
    assert shape(shown("doctor")) == shape(shell.json("doctor", code=1))
    packed = shell.json("support-bundle", str(tmp_path / "packed.tar.gz"))
    assert shape(shown("support-bundle")) == shape(packed)


@pytest.mark.usefixtures("shell")
def test_fields_of_adopt_are_those_that_are_printed(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """With something adopted, something left alone and something missing."""
    cell = make_cell("http01", ("files", "photos"), caddy=False)
    first = local_internet.authority.issue("photos.home.test")
    cell.runner.adopt([CertFiles(fullchain=str(first.chain), privkey=str(first.key))])
    both = local_internet.authority.issue("*.home.test")
    words = ("adopt", "--cert", str(both.chain), "--key", str(both.key))
    assert shape(shown("adopt")) == shape(Shell(cell.root).json(*words))
