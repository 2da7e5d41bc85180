"""A stand-in for each test, over two nested zones and a third, and the official client of it."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import cloudflare
import httpx
import pytest

from picdns_core.testing import LocalInternet
from picdns_core.testing.services.cloudflare import Cloudflare

ZONES = ("cloud.test", "sub.cloud.test", "other.test")


class Client(Protocol):
    """Makes the official client, with the default token where none is given."""

    def __call__(self, token: str | None = None) -> cloudflare.Cloudflare: ...


class Refusal(NamedTuple):
    """An answer that is an error."""

    status: int
    code: int
    message: str


def refusal(call: Callable[..., object], *args: Any, **kwargs: Any) -> Refusal:
    """Make a call that must fail, and return the error."""
    with pytest.raises(cloudflare.APIStatusError) as caught:
        call(*args, **kwargs)
    body = caught.value.response.json()
    assert body == {"success": False, "errors": body["errors"], "messages": [], "result": None}
    (error,) = body["errors"]
    return Refusal(caught.value.status_code, error["code"], error["message"])


@pytest.fixture
def stand_in(local_internet: LocalInternet) -> Iterator[Cloudflare]:
    """The API; what it published is gone afterwards."""
    with local_internet.cloudflare(*ZONES) as stand_in:
        yield stand_in
        for zone in ZONES:
            for record in stand_in.records(zone):
                local_internet.zone(zone).delete(f"{record['name']}.", record["type"])


@pytest.fixture
def http(stand_in: Cloudflare, local_internet: LocalInternet) -> Iterator[httpx.Client]:
    """A bare HTTP client."""
    context = ssl.create_default_context(cafile=str(local_internet.authority.bundle))
    with httpx.Client(verify=context, base_url=stand_in.api_url) as http:
        yield http


@pytest.fixture
def client(stand_in: Cloudflare, local_internet: LocalInternet) -> Iterator[Client]:
    """Make official clients, which give up at the first error."""
    with contextlib.ExitStack() as opened:

        def make(token: str | None = None) -> cloudflare.Cloudflare:
            context = ssl.create_default_context(cafile=str(local_internet.authority.bundle))
            return opened.enter_context(
                cloudflare.Cloudflare(
                    api_token=token or stand_in.default_token,
                    base_url=stand_in.api_url,
                    http_client=httpx.Client(verify=context),
                    max_retries=0,
                )
            )

        yield make
