"""The floor: the least that Python on the bare `acme` package needs; for `once`, a thread a name.

`floor.py DIRECTORY CA_BUNDLE PORT FOLDER once|laps NAME...`
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

from acme import challenges, client, messages
from josepy import jwa

from benchmarks.subjects import bare

_THREADS = 8  # with 20, the account key is made and the nonces are had no faster

_answers: dict[str, bytes] = {}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _answers.get(self.path, b"")
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128  # with the usual five, the CA's connections wait for a second


def main(directory: str, ca_bundle: str, port: str, folder: str, call: str, *names: str) -> None:
    """Register, then get the certificates at once, or one after another and print the laps."""
    server = _Server(("", int(port)), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    first = bare.register(directory, ca_bundle)
    if call == "laps":
        print(json.dumps([_lap(first, name, Path(folder)) for name in names]))
        return
    if len(names) == 1:
        _certificate(first, names[0], Path(folder))
        return
    idle = [first]

    def issue(name: str) -> None:
        mine = idle.pop() if idle else _second(first, ca_bundle)
        _certificate(mine, name, Path(folder))
        idle.append(mine)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(issue, names))


def _second(first: client.ClientV2, ca_bundle: str) -> client.ClientV2:
    """Make a client for another thread, with the same account and directory."""
    net = client.ClientNetwork(
        first.net.key,
        account=first.net.account,
        alg=jwa.ES256,
        verify_ssl=ca_bundle,  # type: ignore[arg-type]
    )
    return client.ClientV2(first.directory, net)


def _certificate(acme: client.ClientV2, name: str, folder: Path) -> None:
    order = bare.order(acme, [name], folder)
    [proof] = order.authorizations
    if proof.body.status == messages.STATUS_PENDING:  # one in a hundred is used again even so
        _answer(acme, proof)
    bare.await_validation(acme, proof)
    bare.finish(acme, order, folder / f"{name}.pem")


def _answer(acme: client.ClientV2, proof: messages.AuthorizationResource) -> None:
    [chosen] = [one for one in proof.body.challenges if isinstance(one.chall, challenges.HTTP01)]
    response, validation = chosen.response_and_validation(acme.net.key)
    _answers[chosen.chall.path] = validation.encode()
    acme.answer_challenge(chosen, response)


def _lap(acme: client.ClientV2, name: str, folder: Path) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    _certificate(acme, name, folder)
    return time.perf_counter() - wall, time.process_time() - cpu


main(*sys.argv[1:])
