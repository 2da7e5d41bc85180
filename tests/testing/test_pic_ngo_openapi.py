"""The OpenAPI file of ddns.pic.ngo says what the stand-in does: schemathesis compares them."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pyotp
import pytest
import requests
import schemathesis
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from picdns_core.testing import LocalInternet
from picdns_core.testing.services.pic_ngo import PicNgo
from picdns_core.testing.services.pic_ngo.problems import BASE, KINDS

CHECKOUT = Path(__file__).parent.parent.parent
FILE = CHECKOUT / "docs/ddns-openapi.yaml"
NAME = "fuzzed"
PRIVATE = (
    "readRegistration",
    "publishAddresses",
    "publishChallenge",
    "withdrawChallenge",
    "deregister",
)

# QUERY is left out: our server's HTTP, below the stand-in, does not know it and answers 501.
CONFIGURATION = """
hooks = "tests.testing.pic_ngo_hooks"
seed = 1
tls-verify = "{bundle}"
base-url = "{url}"
[generation]
max-examples = 20
database = "none"
[phases.coverage]
unexpected-methods = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
"""
AS_A_CELL = """
[auth.openapi.token]
bearer = "{token}"
[parameters]
"path.name" = "{name}"
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The file, read."""
    return dict(schemathesis.openapi.from_path(FILE).raw_schema)


@pytest.fixture
def service(local_internet: LocalInternet) -> Iterator[PicNgo]:
    """A service that takes every address for a global one, so that each valid body is accepted."""
    zone = local_internet.zone("pic.ngo")
    before = zone.records()
    with PicNgo(zone, local_internet.authority.issue("ddns.pic.ngo", "127.0.0.1")) as service:
        service.also_global = ["0.0.0.0/0", "::/0"]
        yield service
    for owner, rdtype in zone.records().keys() - before.keys():
        zone.delete(owner, rdtype)


class Fuzz:
    """Runs schemathesis with all its checks against a service that knows one cell."""

    def __init__(
        self, service: PicNgo, net: LocalInternet, home: Path, document: dict[str, Any]
    ) -> None:
        self._service = service
        self._bundle = str(net.authority.bundle)
        self._home = home
        self._operations: dict[str, tuple[str, str]] = {
            operation["operationId"]: (method.upper(), re.sub(r"{\w+}", "[^/]*", path))
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method != "parameters"
        }
        self._token = self._register()

    def __call__(self, configuration: str, *options: str) -> dict[str, set[int]]:
        """Return the statuses of each operation; a failed check fails the test, and says why."""
        file, log = self._home / "schemathesis.toml", self._home / "calls.har"
        file.write_text(
            (CONFIGURATION + configuration).format(
                bundle=self._bundle, url=self._service.url, token=self._token, name=NAME
            )
        )
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(file), "run"]
        command += [str(FILE), "--report", "har", "--report-har-path", str(log), "--no-color"]
        secret = {"PIC_NGO_TOTP_SECRET": self._service.totp_secret, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(
            [*command, *options],
            cwd=self._home,
            env={**os.environ, **secret},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answered: dict[str, set[int]] = defaultdict(set)
        for call in json.loads(log.read_text())["log"]["entries"]:
            answered[self._operation(call["request"])].add(call["response"]["status"])
        return answered

    def _operation(self, request: dict[str, Any]) -> str:
        path = "/" + request["url"].split("/", 3)[3].partition("?")[0]
        for name, (method, pattern) in self._operations.items():
            if request["method"] == method and re.fullmatch(pattern, path):
                return name
        return "none of the file's"

    def _register(self) -> str:
        answer = requests.post(
            f"{self._service.url}/v1/registrations",
            json={"name": NAME, "totp": pyotp.TOTP(self._service.totp_secret).now()},
            headers={"Idempotency-Key": f'"{secrets.token_urlsafe(32)}"'},
            verify=self._bundle,
            timeout=10,
        )
        return str(answer.json()["token"])


@pytest.fixture
def fuzz(
    service: PicNgo, local_internet: LocalInternet, tmp_path: Path, document: dict[str, Any]
) -> Fuzz:
    """Schemathesis, and a cell that is registered."""
    return Fuzz(service, local_internet, tmp_path, document)


def successful(answered: dict[str, set[int]]) -> set[str]:
    """Name the operations that succeeded at least once."""
    return {name for name, statuses in answered.items() if statuses & {200, 201}}


def test_nobody_gets_in_without_a_token(fuzz: Fuzz) -> None:
    """Anyone may ask for names, and register with a code; all else is 401, whatever is sent."""
    answered = fuzz("", "--phases", "examples,coverage,fuzzing")
    assert successful(answered) == {"checkName", "register"}
    assert {200, 400} <= answered["checkName"]
    assert {201, 400} <= answered["register"]
    assert [name for name in PRIVATE if not answered[name] <= {401, 404}] == []
    assert [name for name in PRIVATE if 401 not in answered[name]] == []


def test_cell_with_a_token_uses_every_call(fuzz: Fuzz) -> None:
    """Valid requests succeed, others are refused as the file says, and none breaks the service.

    The name in the paths is the cell's, since each other one is 403. Malformed names, and the
    other 403, 409, 422, 429 and 503, are in the tests of the stand-in.
    """
    answered = fuzz(AS_A_CELL, "--exclude-operation-id", "deregister")
    assert successful(answered) >= {"checkName", "register", *PRIVATE} - {"deregister"}
    assert {200, 400, 401, 415} <= answered["publishAddresses"]
    assert {200, 400, 401} <= answered["publishChallenge"] & answered["withdrawChallenge"]


def test_cell_can_give_its_name_up_again_and_again(fuzz: Fuzz) -> None:
    """The first call deregisters, and all the others with the same token succeed too."""
    answered = fuzz(AS_A_CELL, "--include-operation-id", "deregister")
    assert {200, 401} <= answered["deregister"]


def test_file_is_openapi(document: dict[str, Any]) -> None:
    """By the schema of OpenAPI 3.1."""
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_examples_are_what_the_schemas_say(document: dict[str, Any]) -> None:
    """Each example of a request and of an answer."""
    checked = 0
    for content in contents(document):
        schema = {**content["schema"], "components": document["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for example in content.get("examples", {}).values():
            assert [str(error) for error in validator.iter_errors(example["value"])] == []
            checked += 1
    assert checked > 20


def contents(part: Any) -> Iterator[dict[str, Any]]:
    """Find what stands below a media type, anywhere."""
    if isinstance(part, dict):
        yield from part.get("content", {}).values()
        for value in part.values():
            yield from contents(value)


def test_page_lists_the_problems_that_there_are() -> None:
    """With their statuses; the file has no others."""
    page = (CHECKOUT / "docs/ddns-protocol.md").read_text()
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", page, re.MULTILINE))
    assert listed == {kind: str(status) for kind, (status, _) in KINDS.items()}
    assert set(re.findall(f"{BASE}([a-z-]+)", FILE.read_text())) <= KINDS.keys()
