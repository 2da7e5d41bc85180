"""What the library writes to the log: each line is an event of a known kind, and on one line."""

import ast
import json
import logging
import re
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

import picdns_core
from picdns_core import Addresses, PicdnsError
from picdns_core import Cell as Home
from picdns_core.announcer import Announcer
from picdns_core.issuing import listener
from picdns_core.pem import load_key
from picdns_core.store import FileStore
from picdns_core.testing import Answer, LocalInternet
from tests.accounts import ACCOUNTS
from tests.conftest import Cell, MakeCell
from tests.docs import pages

_ROOT = Path(picdns_core.__file__).parent.parent
_TABLE = _ROOT / "docs/logs.md"
_ROW = re.compile(r"^\| `(\w+)` \| ([A-Z]+) \| ([\w, ]*)\|", re.MULTILINE)
_RESERVED = {*vars(logging.makeLogRecord({})), "message", "asctime"}

_OWN = "_log = logging.getLogger(__name__)"


class Line(NamedTuple):
    """A call of a logger, as it is in the code."""

    where: str
    event: str
    level: str
    fields: frozenset[str]


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("picdns_core", "plugins"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            if "testing" not in path.parts:
                yield str(path.relative_to(_ROOT)), ast.parse(path.read_text())


MODULES = dict(_modules())


def _lines(where: str, module: ast.Module) -> Iterator[Line]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=level)):
                extra = [one.value for one in node.keywords if one.arg == "extra"]
                assert len(extra) == 1, f"{where}:{node.lineno} has no event"
                fields = extra[0]
                assert isinstance(fields, ast.Dict)
                said = {
                    key.value: value
                    for key, value in zip(fields.keys, fields.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
                assert len(said) == len(fields.keys), f"{where}:{node.lineno} has hidden fields"
                event = said.pop("event")
                assert isinstance(event, ast.Constant)
                assert isinstance(event.value, str)
                level = "error" if level == "exception" else level
                yield Line(f"{where}:{node.lineno}", event.value, level.upper(), frozenset(said))


LINES = [line for where, module in MODULES.items() for line in _lines(where, module)]


def _known() -> dict[str, tuple[str, frozenset[str]]]:
    """Return what the page says: level and fields, by event."""
    rows = _ROW.findall(_TABLE.read_text())
    assert len({event for event, _, _ in rows}) == len(rows)
    return {event: (level, frozenset(re.findall(r"\w+", fields))) for event, level, fields in rows}


def test_events_are_those_of_the_table() -> None:
    """With their levels and fields, in the code as on the page; so both stay what they are."""
    said = defaultdict(set)
    for line in LINES:
        said[line.event].add((line.level, line.fields))
    assert said == {event: {row} for event, row in _known().items()}


def test_no_field_is_one_that_records_have_themselves() -> None:
    """`logging` raises KeyError for those, in the middle of the work."""
    assert {line.where: found for line in LINES if (found := line.fields & _RESERVED)} == {}


def test_each_module_speaks_by_a_logger_of_its_own() -> None:
    """Named as the module is; one that says nothing has none."""
    speaking = {line.where.partition(":")[0] for line in LINES}
    made = {where for where, module in MODULES.items() if _OWN in ast.unparse(module)}
    assert made == speaking


def test_the_log_is_left_to_the_host() -> None:
    """No root logger, handler or level; filters only for URLs, which urllib3 and Apprise show."""
    meddling = re.compile(r"logging\.(\w+\(|root)|\.(addHandler|addFilter|setLevel)\(")
    found = {
        where: {one[0] for one in meddling.finditer(ast.unparse(module).replace(_OWN, ""))}
        for where, module in MODULES.items()
    }
    assert {where: one for where, one in found.items() if one} == {
        "picdns_core/cli/__init__.py": {
            "logging.getLogger(",
            ".addHandler(",
            "logging.NullHandler(",
        },
        "picdns_core/http.py": {"logging.getLogger(", ".addFilter("},
        "picdns_core/observing/delivery.py": {"logging.getLogger(", ".addFilter("},
    }


class Everything(logging.Handler):
    """Hears all loggers at every level."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def ours(self) -> list[logging.LogRecord]:
        return [one for one in self.records if one.name.startswith("picdns_")]

    def events(self) -> list[str]:
        return [vars(one)["event"] for one in self.ours()]


@pytest.fixture
def heard() -> Iterator[Everything]:
    """Listen as a host does that wants to know it all."""
    everything = Everything()
    everyone = [logging.getLogger(name) for name in (*logging.root.manager.loggerDict, None)]
    before = [one.level for one in everyone]
    for one in everyone:
        one.setLevel(1)
    logging.root.addHandler(everything)
    yield everything
    logging.root.removeHandler(everything)
    for one, level in zip(everyone, before, strict=True):
        one.setLevel(level)


def _texts(record: logging.LogRecord) -> Iterable[str]:
    """Return all that a handler could show of a record."""
    yield record.getMessage()
    yield logging.Formatter().format(record)
    yield from (f"{value!r} {value}" for value in vars(record).values() if value is not None)


def _secrets(cell: Cell) -> dict[str, str]:
    """Return what must not be shown, by what it is: of the account, on disk and in requests."""
    assert cell.account
    found = {name: str(value) for name, value in cell.account.ddns.items() if name != "api_url"}
    for path in (cell.root / "data").rglob("*"):
        if path.name == "privkey.pem":  # one line of it would do harm enough
            found[f"{path}"] = path.read_text().splitlines()[1]
            key = load_key(path.read_bytes())
            assert isinstance(key, EllipticCurvePrivateKey)
            number = key.private_numbers().private_value
            found |= {f"{path} as hex": f"{number:x}", f"{path} as number": f"{number}"}
        elif path.is_file() and ("secrets" in path.parts or path.name == ".ddns_token"):
            found[str(path)] = path.read_text().strip()
    for number, request in enumerate(cell.account.service.requests):
        if bearer := request.header("Authorization"):
            found[f"bearer {number}"] = bearer.partition(" ")[2]
        for name, value in (json.loads(request.body) if request.body[:1] == b"{" else {}).items():
            if "otp" in name or "code" in name:
                found[f"{name} {number}"] = str(value)
    return found


@pytest.mark.parametrize("mode", ACCOUNTS)
def test_no_secret_is_in_a_record(make_cell: MakeCell, heard: Everything, mode: str) -> None:
    """Registered, published, certified: nothing in texts, arguments, fields and tracebacks."""
    cell = make_cell(mode, caddy=False)
    assert cell.runner.up().failed == ()
    said = "\n".join(text for record in heard.records for text in _texts(record))
    secrets = _secrets(cell)
    assert {"urllib3.connectionpool", "acme.client"} <= {one.name for one in heard.records}
    assert len(secrets) > 6
    assert [name for name, value in secrets.items() if value in said] == []


def test_what_happened_is_told_once_and_fit_for_json(
    make_cell: MakeCell, heard: Everything
) -> None:
    """From the name to the certificate that is served; each field can be written as JSON."""
    cell = make_cell("duckdns")
    cell.runner.up()
    assert sorted(heard.events()) == sorted(
        [
            "registered",
            *["renewal_begun"] * 2,
            "order_begun",
            "caddy_reloaded",
            *["cert_issued"] * 2,
        ]
    )
    for record in heard.ours():
        fields = {key: value for key, value in vars(record).items() if key not in _RESERVED}
        assert {*fields} - {"event"} == _known()[fields["event"]][1]
        json.dumps(fields)


def test_a_switch_is_told_from_its_beginning_to_its_end(
    make_cell: MakeCell, heard: Everything
) -> None:
    """Done or undone."""
    cell = make_cell("lan")
    cell.runner.up()
    with pytest.raises(PicdnsError):
        cell.runner.switch("duckdns", {"subdomain": "elsewhere", "token": "0" * 36})
    told = heard.events()
    assert told.index("switch_begun") < told.index("switch_undone")
    heard.records.clear()
    cell.runner.switch("lan", {"domain_name": "away.cell"})
    told = heard.events()
    assert told.index("switch_begun") < told.index("mode_changed")
    assert told.count("cert_issued") == 1
    [changed] = [vars(one) for one in heard.ours() if vars(one)["event"] == "mode_changed"]
    assert (changed["previous_domain"], changed["domain"]) == ("home.cell", "away.cell")


def test_addresses_are_told_when_they_are_confirmed(heard: Everything) -> None:
    """With all that is published now, to whoever reads the log and to observers."""
    cell = Home(name="home", mode="duckdns", domain="home.duckdns.org", services=())
    now = Addresses(ipv4=IPv4Address("192.0.2.1"))
    Announcer().ip_changed(cell, datetime.now(UTC), now, Addresses())
    [told] = [vars(one) for one in heard.ours()]
    assert (told["event"], told["addresses"]) == ("ip_changed", ["192.0.2.1"])
    assert told["levelname"] == "INFO"


def test_a_failure_is_told_once_with_when_it_is_tried_again(
    make_cell: MakeCell, local_internet: LocalInternet, heard: Everything
) -> None:
    """And a server's newline begins no line, nor its escape a command to the terminal."""
    detail = "no\n2026-01-01 picdns_core INFO forged\r\x1b[2J\u2028\x85 end"
    problem = json.dumps(
        {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": detail}
    )
    cell = make_cell(caddy=False)
    assert cell.pebble
    with local_internet.fault_proxy(cell.pebble.directory) as proxy:
        json_problem = {"Content-Type": "application/problem+json"}
        proxy.on("POST", "/order-plz", Answer(400, json_problem, problem))
        bundle = str(local_internet.authority.bundle)
        directory = proxy.proxied(cell.pebble.directory)
        cell.set(picdns={"acme": {"directory": directory, "ca_bundle": bundle}})
        assert len(cell.runner.up().failed) == 1
    said = [one.getMessage() for one in heard.ours()]
    assert [one for one in said if not one.isprintable()] == []
    [failed] = [one for one in heard.ours() if vars(one)["event"] == "failed"]
    assert "forged" in failed.getMessage()
    assert (failed.levelname, vars(failed)["error"]) == ("WARNING", "OrderRefused")
    assert vars(failed)["retry_at"].endswith("+00:00")


def test_an_error_is_one_line() -> None:
    """Whoever worded it: what servers and programs say is part of it."""
    error = PicdnsError("one\r\ntwo \x1b[31m", hint="three\n")
    assert str(error) == "one two  [31m three"


def test_who_asks_the_listener_begins_no_line(tmp_path: Path, heard: Everything) -> None:
    """Anybody in the world may ask while the CA does."""
    server, *others = listener.bind(0, FileStore(tmp_path))
    for other in others:
        other.server_close()
    with (
        listener.serving(server),
        socket.create_connection(("127.0.0.1", server.server_address[1])) as asker,
    ):
        asker.sendall(b"GET /\rforged\x1b[2J HTTP/1.0\r\n\r\n")
        while asker.recv(4096):
            pass
    said = [one.getMessage() for one in heard.ours()]
    assert any("forged" in one for one in said)
    assert [one for one in said if not one.isprintable()] == []


def test_the_formatter_of_the_page_writes_json(
    heard: Everything, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a host would write it; `heard` puts the level back that the page sets."""
    [block] = pages.blocks("docs/logs.md", "python")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/logs.md", "exec"), names)
    extra = {"event": "registered", "domain": "home.test", "cell": "home"}
    logging.getLogger("picdns_core.logs").info("is %s", "registered", extra=extra)
    logging.getLogger("picdns_core").removeHandler(names["handler"])
    assert json.loads(capsys.readouterr().err) == {
        "level": "INFO",
        "text": "is registered",
        "event": "registered",
        "domain": "home.test",
    }
