"""A service in memory: what it knows it writes to a zone."""

import itertools
import json
import threading
import urllib.parse
from collections import defaultdict

from picdns_core.testing import Faults, HttpServer, Reply, Request, Zone

TOKEN = "right-token-of-the-registry"


class Registry(HttpServer):
    """Names can be claimed, and their records changed one by one or all of a type.

    `GET|POST|DELETE /claims/NAME` answers with the claim's number; posting twice makes two.
    `GET|PUT /records/NAME/TYPE` has a list of values, `POST|DELETE /records/NAME/TYPE/VALUE` adds
    and removes one. All of them want the token.
    """

    def __init__(self, zone: Zone) -> None:
        self.faults = Faults()
        self.claims: defaultdict[str, list[int]] = defaultdict(list)
        self.records: defaultdict[tuple[str, str], frozenset[str]] = defaultdict(frozenset)
        self.zone = zone
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        super().__init__()

    def respond(self, request: Request) -> Reply:
        return self.faults.apply(request, self._ask)

    def plant(self, rdtype: str, name: str, value: str) -> None:
        """Put a record of somebody else."""
        with self._lock:
            self._write(name, rdtype, self.records[name, rdtype] | {value})

    def _ask(self, request: Request) -> Reply:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            return _json(401, "no such token")
        kind, name, *rest = map(urllib.parse.unquote, request.target[1:].split("/"))
        with self._lock:
            if kind == "claims":
                return self._claim(request.method, name)
            return self._record(request, name, *rest)

    def _claim(self, method: str, name: str) -> Reply:
        claims = self.claims[name]
        if method == "POST":
            claims.append(next(self._numbers))
        if method == "DELETE":
            claims.clear()
        return _json(200, claims[-1:])

    def _record(self, request: Request, name: str, rdtype: str, value: str = "") -> Reply:
        values = self.records[name, rdtype]
        if request.method == "POST":
            if value in values:
                return _json(409, "there is one already")
            values |= {value}
        if request.method == "DELETE":
            if value not in values:
                return _json(404, "there is no such record")
            values -= {value}
        if request.method == "PUT":
            values = frozenset(json.loads(request.body))
        if request.method != "GET":
            self._write(name, rdtype, values)
        return _json(200, sorted(values))

    def _write(self, name: str, rdtype: str, values: frozenset[str]) -> None:
        self.records[name, rdtype] = values
        if values:
            self.zone.set(f"{name}.", rdtype, *values)
        else:
            self.zone.delete(f"{name}.", rdtype)


def _json(status: int, content: object) -> Reply:
    headers = (("Content-Type", "application/json"),)
    return Reply(status, headers, json.dumps(content).encode())
