"""One source asked over HTTPS, and the address in its answer."""

from typing import Any

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from picdns_core.address.finding import FORMS, Address, Family
from picdns_core.address.sources import Source
from picdns_core.http import Session
from picdns_core.lookup.wire import NoAnswer

_TIMEOUT = (3.0, 4.0)
_LONGEST = 4096  # octets of a body; an address has 45 at most, a trace some 300
_OK = 200
_ANY_ADDRESS = {"ipv4": "0.0.0.0", "ipv6": "::"}  # noqa: S104 - of this host, to connect from


class _OverFamily(HTTPAdapter):
    """Connects from an address of one family, and so to no other; tries once."""

    def __init__(self, family: str) -> None:
        self._source_address = (_ANY_ADDRESS[family], 0)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=self._source_address, **kwargs)


def ask(source: Source, ca_bundle: str | None) -> Address:
    """Return the address that the source says; raises NoAnswer."""
    with Session(ca_bundle) as session:
        session.trust_env = False  # a proxy's address is not ours
        session.mount("https://", _OverFamily(source.family))
        body = _body(session, source.url)
    return parse(_value(body, source.form), source.family)


def parse(text: str, family: Family) -> Address:
    """Return text that is an address of the family, and nothing else; raises NoAnswer."""
    try:
        address = FORMS[family](text)
    except ValueError:
        raise NoAnswer("does not answer with an address of this family") from None
    if "%" in text:
        raise NoAnswer("answers with an address that is of one link only")
    return address


def _body(session: Session, url: str) -> bytes:
    try:
        with session.get(
            url,
            headers={"Accept-Encoding": "identity"},
            allow_redirects=False,
            timeout=_TIMEOUT,
            stream=True,
        ) as response:
            if response.status_code != _OK:
                raise NoAnswer(f"answers with status {response.status_code}")
            body = response.raw.read(_LONGEST + 1, decode_content=False)
            left = response.raw.length_remaining
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise NoAnswer(_in_words(error)) from None
    if len(body) > _LONGEST:
        raise NoAnswer(f"answers with more than {_LONGEST} octets")
    if left:
        raise NoAnswer("breaks off in the middle")
    return bytes(body)


def _value(body: bytes, form: str) -> str:
    """Return what stands where the address should; raises NoAnswer."""
    try:
        text = body.decode("ascii").strip()
    except UnicodeDecodeError:
        raise NoAnswer("answers nonsense") from None
    if form == "text":
        return text
    said = [line.removeprefix("ip=") for line in text.splitlines() if line.startswith("ip=")]
    if len(said) != 1:
        raise NoAnswer("answers with something else than a trace")
    return said[0]


def _in_words(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "shows a certificate that is not trusted"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "does not answer in time"
    return "cannot be reached"
