"""The floor of DNS-01: `acme`, `requests` and dnspython, and nothing that is not asked of them.

`floor_dns.py DIRECTORY CA_BUNDLE API TOKEN SERVER PORT FOLDER DOMAIN` gets one certificate for
the domain and all names below it. SERVER is the zone's only name server, which it is told.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import requests
from acme import challenges

from benchmarks.subjects import bare

_PAUSE = 0.005


def main(
    directory: str,
    ca_bundle: str,
    api: str,
    token: str,
    server: str,
    port: str,
    folder: str,
    domain: str,
) -> None:
    """Register, show both proofs in DNS, get the certificate, remove the proofs."""
    acme = bare.register(directory, ca_bundle)
    order = bare.order(acme, [domain, f"*.{domain}"], Path(folder))
    chosen = [
        one
        for proof in order.authorizations
        for one in proof.body.challenges
        if isinstance(one.chall, challenges.DNS01)
    ]
    answers = [one.response_and_validation(acme.net.key) for one in chosen]
    values = [validation for _, validation in answers]
    name = f"_acme-challenge.{domain}"
    with requests.Session() as http:
        http.verify = ca_bundle
        http.headers["Authorization"] = f"Bearer {token}"
        [zone] = http.get(f"{api}/zones", params={"name": domain}).json()["result"]
        records = f"{api}/zones/{zone['id']}/dns_records"
        written = [_write(http, records, name, value) for value in values]
        _await_visible(name, values, server, int(port))
        for one, (response, _) in zip(chosen, answers, strict=True):
            acme.answer_challenge(one, response)
        for proof in order.authorizations:
            bare.await_validation(acme, proof)
        bare.finish(acme, order, Path(folder) / f"{domain}.pem")
        for record in written:
            http.delete(f"{records}/{record}").raise_for_status()


def _write(http: requests.Session, records: str, name: str, value: str) -> str:
    record = {"type": "TXT", "name": name, "content": f'"{value}"', "ttl": 60}
    return str(http.post(records, json=record).json()["result"]["id"])


def _await_visible(name: str, values: Sequence[str], server: str, port: int) -> None:
    query = dns.message.make_query(name, dns.rdatatype.TXT)
    while True:
        reply = dns.query.udp(query, server, timeout=1, port=port)
        shown = {rdata.strings[0].decode() for rrset in reply.answer for rdata in rrset}
        if shown.issuperset(values):
            return
        time.sleep(_PAUSE)


main(*sys.argv[1:])
