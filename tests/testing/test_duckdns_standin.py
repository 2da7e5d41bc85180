"""The stand-in for DuckDNS: its answers, its DNS, and a client that nobody here wrote."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from picdns_core.testing import LocalInternet, Zone
from picdns_core.testing.process import wait_until
from picdns_core.testing.services.duckdns import DuckDns

Records = dict[tuple[str, str], frozenset[str]]


class Duck:
    """The stand-in, asked for the label `home` of one account."""

    def __init__(self, net: LocalInternet, stand_in: DuckDns, zone: Zone) -> None:
        self.stand_in = stand_in
        self.zone = zone
        self.token = stand_in.account("home", "holiday")
        self._bundle = str(net.authority.bundle)

    def get(self, *, path: str = "/update", host: str = "", **parameters: str) -> requests.Response:
        return requests.get(
            f"{self.stand_in.url}{path}",
            params={"domains": "home", "token": self.token} | parameters,
            headers={"Host": host or "www.duckdns.org"},
            verify=self._bundle,
            allow_redirects=False,
            timeout=10,
        )

    def says(self, **parameters: str) -> list[str]:
        answer = self.get(**parameters)
        assert answer.status_code == 200
        return answer.text.split("\n")

    def records(self) -> Records:
        """Return what there is in the zone beside what the zone begins with."""
        rows = self.zone.records().items()
        return {key: values for key, values in rows if key[0] not in ("@", "ns1")}


@pytest.fixture
def duck(local_internet: LocalInternet) -> Iterator[Duck]:
    """A stand-in with an account, and a zone that is as empty afterwards as before."""
    with local_internet.duckdns() as stand_in:
        duck = Duck(local_internet, stand_in, local_internet.zone("duckdns.org"))
        yield duck
        stand_in.propagation = 0
        duck.get(domains="home,holiday", clear="true")
        duck.get(domains="home,holiday", clear="true", txt="")
        assert duck.records() == {}


def both(label: str, rdtype: str, value: str) -> Records:
    return {(name, rdtype): frozenset({value}) for name in (label, f"*.{label}")}


def test_a_plain_answer_is_two_letters(duck: Duck) -> None:
    """Clients compare all of the body."""
    assert duck.get(ip="192.0.2.1").text == "OK"
    assert duck.get(token="4a7c4d0a", ip="192.0.2.1").text == "KO"


def test_a_verbose_answer_says_what_changed(duck: Duck) -> None:
    """A line for each family, blank for what was not sent; then whether anything is new."""
    first = duck.says(verbose="true", ip="192.0.2.1", ipv6="2001:db8:0::1")
    assert first == ["OK", "192.0.2.1", "2001:db8::1", "UPDATED"]
    assert duck.says(verbose="true", ip="192.0.2.1") == ["OK", "192.0.2.1", "", "NOCHANGE"]
    assert duck.says(verbose="true", txt="one") == ["OK", "one", "UPDATED"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": ""},
        {"token": "00000000-0000-0000-0000-000000000000"},
        {"domains": ""},
        {"domains": "nobodys"},
        {"domains": "home,nobodys"},
        {"domains": "a.home"},
        {"ip": "somewhere"},
        {"ipv6": "192.0.2.1"},
    ],
)
def test_a_refusal_has_no_reason_and_no_effect(duck: Duck, wrong: dict[str, str]) -> None:
    """Status 200, KO, whatever is wrong, and in verbose answers too."""
    assert duck.says(**({"ip": "192.0.2.1", "verbose": "true"} | wrong)) == ["KO"]
    assert duck.records() == {}


def test_a_strangers_label_is_refused(duck: Duck) -> None:
    """The token of one account changes nothing of another, and a label has one owner."""
    duck.stand_in.account("neighbour")
    assert duck.says(domains="neighbour", ip="192.0.2.1") == ["KO"]
    with pytest.raises(ValueError, match="neighbour"):
        duck.stand_in.account("neighbour")


def test_addresses_are_those_of_all_names_below(duck: Duck) -> None:
    """Of the label and of everything below; the whole name is as good as the label."""
    duck.get(domains="home.duckdns.org", ip="192.0.2.1")
    assert duck.records() == both("home", "A", "192.0.2.1")


def test_a_family_that_is_not_sent_stays(duck: Duck) -> None:
    """An IPv6 address may be in either parameter, and keeps IPv4 from being detected."""
    duck.get(ip="192.0.2.1")
    duck.get(ip="2001:db8::1")
    ipv4 = both("home", "A", "192.0.2.1")
    assert duck.records() == ipv4 | both("home", "AAAA", "2001:db8::1")
    duck.get(ip="", ipv6="2001:db8::2")
    assert duck.records() == ipv4 | both("home", "AAAA", "2001:db8::2")


def test_without_an_address_the_clients_own_is_taken(duck: Duck) -> None:
    """Of IPv4 only."""
    assert duck.says(verbose="true", ip="") == ["OK", "127.0.0.1", "", "UPDATED"]
    assert duck.records() == both("home", "A", "127.0.0.1")


def test_several_labels_change_at_once(duck: Duck) -> None:
    """With commas between them."""
    duck.get(domains="home,holiday.duckdns.org", ip="192.0.2.1")
    assert duck.records() == both("home", "A", "192.0.2.1") | both("holiday", "A", "192.0.2.1")


def test_there_is_one_txt_value(duck: Duck) -> None:
    """A second one replaces the first, and neither touches the addresses."""
    duck.get(ip="192.0.2.1")
    duck.get(txt="one")
    duck.get(txt="two")
    assert duck.records() == both("home", "A", "192.0.2.1") | both("home", "TXT", "two")


def test_clear_takes_what_else_is_named(duck: Duck) -> None:
    """With txt, even an empty one, the TXT value; without, both addresses, and only these."""
    duck.get(ip="192.0.2.1", ipv6="2001:db8::1")
    duck.get(txt="one")
    duck.get(txt="")
    duck.get(txt="one", clear="false")
    assert duck.says(clear="true", verbose="true") == ["OK", "", "", "UPDATED"]
    assert duck.records() == both("home", "TXT", "one")
    assert duck.says(clear="true", txt="", verbose="true") == ["OK", "", "UPDATED"]
    assert duck.says(clear="true", txt="", verbose="true") == ["OK", "", "NOCHANGE"]
    assert duck.records() == {}


def test_records_live_for_a_minute(duck: Duck) -> None:
    """Their TTL is that of DuckDNS's name servers."""
    import dns.message
    import dns.query

    duck.get(txt="one")
    server = duck.zone.servers[0]
    query = dns.message.make_query("_acme-challenge.home.duckdns.org", "TXT")
    reply = dns.query.tcp(query, server.address, port=server.port, timeout=5)
    assert reply.answer[0].to_text() == '_acme-challenge.home.duckdns.org. 60 IN TXT "one"'


def test_dns_can_be_behind_the_api(duck: Duck) -> None:
    """The record comes later than the answer, and never an older one after a newer."""
    duck.stand_in.propagation = 0.2
    assert duck.get(txt="one").text == "OK"
    assert duck.get(txt="two").text == "OK"
    assert wait_until(lambda: duck.records() == both("home", "TXT", "two"), 5)


def test_closing_does_not_wait_for_dns(local_internet: LocalInternet) -> None:
    """What is still to come does not come."""
    with local_internet.duckdns() as stand_in:
        duck = Duck(local_internet, stand_in, local_internet.zone("duckdns.org"))
        stand_in.propagation = 600
        assert duck.get(txt="never").text == "OK"
        assert duck.records() == {}
    assert duck.records() == {}


def test_the_host_has_to_be_www(duck: Duck) -> None:
    """Others are sent there, without anything being done."""
    answer = duck.get(host="duckdns.org", ip="192.0.2.1")
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://www.duckdns.org/update?domains=home&")
    assert duck.records() == {}


def test_a_page_that_is_not_there_is_html(duck: Duck) -> None:
    """As of the web server behind DuckDNS."""
    answer = duck.get(path="/upgrade")
    assert (answer.status_code, answer.text[:6]) == (404, "<html>")


class Certbot:
    """certbot with certbot-dns-duckdns, which knows no DuckDNS but www.duckdns.org."""

    def __init__(self, net: LocalInternet, duck: Duck, home: Path) -> None:
        self._net = net
        self._duck = duck
        self._home = home

    def certonly(self, *names: str) -> subprocess.CompletedProcess[str]:
        credentials = self._home / "duckdns.ini"
        credentials.touch(mode=0o600)
        credentials.write_text(f"dns_duckdns_token = {self._duck.token}\n")
        directories = (f"--{kind}-dir={self._home / kind}" for kind in ("config", "work", "logs"))
        with self._net.forward_proxy() as proxy:
            proxy.route("www.duckdns.org", self._duck.stand_in.address)
            return subprocess.run(
                [
                    str(Path(sys.executable).with_name("certbot")),
                    "certonly",
                    *directories,
                    *(f"--domain={name}" for name in names),
                    f"--server={self._net.pebble.directory}",
                    "--authenticator=dns-duckdns",
                    f"--dns-duckdns-credentials={credentials}",
                    "--dns-duckdns-propagation-seconds=0",
                    # To restore, it would ask the resolver of this machine for the value before.
                    "--dns-duckdns-no-txt-restore",
                    "--non-interactive",
                    "--agree-tos",
                    "--register-unsafely-without-email",
                ],
                env=os.environ
                | {
                    # Of the stand-in and of Pebble: one CA signs for both.
                    "REQUESTS_CA_BUNDLE": str(self._net.authority.bundle),
                    "HTTPS_PROXY": proxy.url,
                    "https_proxy": proxy.url,
                    "NO_PROXY": "127.0.0.1",
                    "no_proxy": "127.0.0.1",
                },
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )


@pytest.fixture
def certbot(local_internet: LocalInternet, duck: Duck, tmp_path: Path) -> Certbot:
    """A client that nobody here wrote."""
    return Certbot(local_internet, duck, tmp_path)


def test_certbot_gets_a_certificate(certbot: Certbot, duck: Duck, tmp_path: Path) -> None:
    """Over real DNS, and nothing is left: its plugin clears the TXT value by `txt=&clear=true`."""
    duck.get(ip="192.0.2.1")
    done = certbot.certonly("home.duckdns.org")
    assert done.returncode == 0, done.stderr
    chain = tmp_path / "config/live/home.duckdns.org/fullchain.pem"
    assert chain.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert duck.records() == both("home", "A", "192.0.2.1")


def test_certbot_cannot_prove_apex_and_wildcard_at_once(certbot: Certbot, duck: Duck) -> None:
    """It sets both values before it lets the CA look, and the first one is gone by then."""
    done = certbot.certonly("home.duckdns.org", "*.home.duckdns.org")
    assert done.returncode == 1
    assert "Some challenges have failed" in done.stderr
    assert duck.records() == {}
