"""DuckDNS's update API: one GET request for everything, and an answer of a few words.

Source: https://www.duckdns.org/spec.jsp, and what the authors of other clients learned of it.
"""

import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from picdns_core import (
    Addresses,
    AuthenticationFailed,
    ProviderUnavailable,
    RateLimited,
    Secret,
)

_LONGEST = 4096  # bytes of an answer that are read; a good one has four short lines
_KEPT = "What is served stays so."
_HOST = "www.duckdns.org"

# What a request fails by, the special before the general; their own texts have the URL.
_FAILURES: tuple[tuple[type[requests.RequestException], str], ...] = (
    (requests.exceptions.SSLError, "its certificate is not trusted, or TLS failed"),
    (requests.exceptions.ProxyError, "the proxy does not let it through"),
    (requests.ConnectionError, "it cannot be reached, is too slow, or the connection broke"),
    (requests.exceptions.ChunkedEncodingError, "the connection broke in its answer"),
    (requests.RequestException, "the request could not be sent, or its answer not read"),
)


class DuckDns:
    """Writes to the labels of one account, over a session of the caller's.

    Each call is safe twice, and returns whether DuckDNS says that it changed anything. They raise
    AuthenticationFailed, RateLimited or ProviderUnavailable.
    """

    def __init__(self, http: requests.Session, api_url: str, token: Secret) -> None:
        self._http = http
        self._url = f"{api_url.rstrip('/')}/update"
        self._host = urlsplit(api_url).netloc
        self._token = token

    def set_addresses(self, label: str, addresses: Addresses) -> bool:
        """Set the families that are known, at least one; the other one stays as it is."""
        # With either one there, nothing is detected and the other is left alone
        # (linuxserver/docker-duckdns#11, home-assistant/addons#2490).
        known = {
            name: str(address)
            for name, address in (("ip", addresses.ipv4), ("ipv6", addresses.ipv6))
            if address
        }
        lines = self._update(label, **known)
        if not set(map(_normal, lines[1:-1])).issuperset(known.values()):
            raise self._nonsense("it confirms other addresses than those sent")
        return self._changed(lines)

    def clear_addresses(self, label: str) -> bool:
        """Remove both A and AAAA; one family alone cannot be removed."""
        return self._changed(self._update(label, clear="true"))

    def set_txt(self, label: str, value: str) -> bool:
        """Set the one TXT value of the label and all names below it, in place of what is there."""
        return self._changed(self._update(label, txt=value))

    def clear_txt(self, label: str) -> bool:
        """Remove the TXT value, whatever it is."""
        # An empty txt must be there: without it the addresses are cleared (go-acme/lego#600).
        return self._changed(self._update(label, txt="", clear="true"))

    def prove(self, label: str) -> None:
        """Return if the token may change the label; nothing is changed.

        An empty value without `clear` sets and removes nothing (the source of certbot-dns-duckdns),
        and is refused as everything else is.
        """
        self._update(label, txt="")

    def _update(self, label: str, **parameters: str) -> list[str]:
        """Ask, and return the lines of an answer that says OK."""
        query = {"domains": label, "token": self._token.reveal(), "verbose": "true", **parameters}
        try:
            with self._http.get(
                self._url, params=query, allow_redirects=False, stream=True
            ) as response:
                body = _beginning(response)
        except requests.RequestException as error:
            why = next(words for kind, words in _FAILURES if isinstance(error, kind))
        else:
            self._check_status(response)
            return self._lines(body, label)
        # Not raised above, where the error with its URL would hang on to this one.
        raise ProviderUnavailable(
            f"DuckDNS could not be asked: {why}. {_KEPT}",
            hint=f"Try again later. If it lasts, check the internet connection.{self._elsewhere()}",
        )

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = response.headers.get("Retry-After", "")
            retry_after = float(seconds) if seconds.isdecimal() else None
            when = "" if retry_after is None else f" for {retry_after:.0f} s"
            raise RateLimited(
                f"DuckDNS asks to wait{when}. {_KEPT}",
                retry_after=retry_after,
                hint="Nothing to mend. Try again later.",
            )
        if status != HTTPStatus.OK:  # its refusals are 200; this is the web server's or a proxy's
            raise self._nonsense(f"it answers status {status}")

    def _lines(self, body: bytes, label: str) -> list[str]:
        lines = [line.strip() for line in body.decode(errors="replace").splitlines()]
        if lines == ["KO"]:
            raise _refused(label)
        if not lines:
            raise self._nonsense("it answers nothing at all")
        if lines[0] != "OK":
            raise self._nonsense(f"it answers {lines[0][:60]!r}")
        return lines

    def _changed(self, lines: list[str]) -> bool:
        if lines[-1] not in ("UPDATED", "NOCHANGE"):
            raise self._nonsense(f"it answers {lines[-1][:60]!r} at the end")
        return lines[-1] == "UPDATED"

    def _nonsense(self, what: str) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"DuckDNS has a problem of its own: {what}. {_KEPT}",
            hint="Nothing is wrong with the token, as far as can be seen. Try again later."
            f"{self._elsewhere()}",
        )

    def _elsewhere(self) -> str:
        """Name the host that was asked, where it is not DuckDNS's."""
        if self._host == _HOST:
            return ""
        return (
            f" {self._host} was asked: leave ddns.api_url out if that is not meant to stand for "
            "DuckDNS."
        )


def _beginning(response: requests.Response) -> bytes:
    """Read an answer whole; of one that no good answer is as long as, no more than is judged."""
    body = b""
    for part in response.iter_content(_LONGEST):  # a chunk of the wire each, where it has chunks
        body += part
        if len(body) >= _LONGEST:
            break
    return body


def _refused(label: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"DuckDNS refuses to change {label}.duckdns.org, and gives no reason: the token is "
        f"wrong, or the account that it belongs to has no subdomain {label}. {_KEPT}",
        hint="Log in at https://www.duckdns.org: the token is at the top of the page, the "
        "subdomains are below. Set them as they stand there: the token by "
        "`picdns init --secret token=@FILE`, the name as domain_name.",
    )


def _normal(text: str) -> str:
    """Spell an address as we do; what is none stays, so that it is seen to differ."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
