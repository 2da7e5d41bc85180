"""Orders that say which certificate they replace (RFC 9773, section 5)."""

import base64
import dataclasses
import json

import pytest

from picdns_core import ProviderUnavailable, RateLimited
from picdns_core.issuing import certificate_id
from picdns_core.testing import Answer, FaultProxy, Reply, Request, Rewrite
from tests.issuing.ordering import Ordering

REFUSED = "does not take the order as a renewal"


def sent(proxy: FaultProxy) -> list[str | None]:
    """Tell what each order that was sent was to replace."""
    orders = (one for one in proxy.requests if one.target == "/order-plz")
    payloads = (json.loads(one.body)["payload"] for one in orders)
    return [json.loads(base64.urlsafe_b64decode(one + "==")).get("replaces") for one in payloads]


def counted(ordering: Ordering) -> list[bool]:
    """Tell of each certificate whether it counts as a renewal."""
    place = next(one for one in ordering.store.keys("accounts") if one.endswith("budget.json"))
    kept = json.loads(ordering.store.get(place) or b"")
    return [one["renews"] for one in kept["certificates"]]


def problem(status: int, code: str) -> Answer:
    body = json.dumps({"type": f"urn:ietf:params:acme:error:{code}", "detail": f"it is {code}"})
    return Answer(status, {"Content-Type": "application/problem+json"}, body)


def test_renewal_says_what_it_replaces(ordering: Ordering, proxy: FaultProxy) -> None:
    """And is no new certificate."""
    first = certificate_id(ordering.obtain())
    second = ordering.obtain(replaces=first)
    assert certificate_id(second) != first
    assert sent(proxy) == [None, first]
    assert counted(ordering) == [False, True]


def test_certificate_that_was_replaced_already_is_ordered_as_new(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """The CA answers 409, alreadyReplaced, and that is said."""
    first = certificate_id(ordering.obtain())
    ordering.obtain(replaces=first)
    assert not any(REFUSED in step.text for step in ordering.steps)
    ordering.obtain(replaces=first)
    assert any(REFUSED in step.text for step in ordering.steps)
    assert sent(proxy) == [None, first, first, None]
    assert counted(ordering) == [False, True, False]


@pytest.mark.parametrize(
    "fault",
    [
        problem(403, "unauthorized"),
        problem(400, "malformed"),
        problem(404, "whatever"),
        problem(500, "serverInternal"),
    ],
)
def test_whatever_a_renewal_is_refused_for_a_new_certificate_is_tried(
    ordering: Ordering, proxy: FaultProxy, fault: Answer
) -> None:
    """Once."""
    first = certificate_id(ordering.obtain())
    proxy.on("POST", "/order-plz", fault, first=1)
    ordering.obtain(replaces=first)
    assert sent(proxy) == [None, first, None]
    assert any(REFUSED in step.text for step in ordering.steps)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (problem(429, "rateLimited"), RateLimited),
        (Answer(503), ProviderUnavailable),
    ],
)
def test_ca_that_would_not_do_better_is_not_asked_again(
    ordering: Ordering, proxy: FaultProxy, fault: Answer, error: type[Exception]
) -> None:
    """It is not because of what is replaced."""
    first = certificate_id(ordering.obtain())
    proxy.on("POST", "/order-plz", fault)
    with pytest.raises(error):
        ordering.obtain(replaces=first)
    assert sent(proxy) == [None, first]


def test_ca_that_has_no_renewal_information_is_not_told(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """It may refuse fields that it does not know."""

    def without(_: Request, reply: Reply) -> Reply:
        directory = json.loads(reply.body)
        del directory["renewalInfo"]
        body = json.dumps(directory).encode()
        return dataclasses.replace(reply, body=body).with_headers({"Content-Length": None})

    proxy.on("GET", "/dir", Rewrite(without))
    first = certificate_id(ordering.obtain())
    ordering.obtain(replaces=first)
    assert sent(proxy) == [None, None]
    assert counted(ordering) == [False, False]


def test_order_that_the_ca_does_not_reflect_as_a_renewal_counts_as_new(
    ordering: Ordering, proxy: FaultProxy
) -> None:
    """It must, if it takes it as one."""

    def without(_: Request, reply: Reply) -> Reply:
        order = json.loads(reply.body)
        order.pop("replaces")
        body = json.dumps(order).encode()
        return dataclasses.replace(reply, body=body).with_headers({"Content-Length": None})

    first = certificate_id(ordering.obtain())
    proxy.on("POST", "/order-plz", Rewrite(without))
    ordering.obtain(replaces=first)
    assert sent(proxy) == [None, first]
    assert counted(ordering) == [False, False]
