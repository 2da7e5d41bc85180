"""Tokens, the TOTP secret and idempotency keys are shown nowhere."""

import logging
import traceback
from collections.abc import Callable

import msgspec
import pytest

from picdns_core import PicdnsError, Secret
from picdns_core.testing import Answer, Cut, Fault
from picdns_core.testing.services.pic_ngo import PicNgo

from .conftest import Tenant, posts


def echo(tenant: Tenant) -> Answer:
    """Answer as a careless service: with the credentials in its words."""
    body = {"type": "about:blank", "detail": f"{tenant.token} {tenant.service.totp_secret}"}
    return Answer(403, body=msgspec.json.encode(body).decode())


@pytest.mark.parametrize(
    "fault",
    [
        lambda _: Cut(),
        lambda _: Cut(at="body"),
        lambda _: Answer(401),
        lambda _: Answer(500),
        lambda _: Answer(200, body="<html>"),
        echo,
    ],
)
@pytest.mark.parametrize("act", ["register", "update_ip", "publish", "teardown"])
def test_no_error_and_no_log_shows_a_secret(
    tenant: Tenant,
    service: PicNgo,
    caplog: pytest.LogCaptureFixture,
    act: str,
    fault: Callable[[Tenant], Fault],
) -> None:
    """At any level, in the message, its chain and the variables of its frames."""
    caplog.set_level(logging.DEBUG)
    tenant.register()
    service.on(".*", "/", fault(tenant))
    with pytest.raises(PicdnsError) as caught:
        getattr(tenant, act)()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    said = "".join(shown.format()) + repr(caught.value) + caught.value.hint + caplog.text
    assert "/v1/" in caplog.text
    assert secrets_in(said, tenant, service) == []


def test_a_registration_holds_no_secret(
    tenant: Tenant, service: PicNgo, caplog: pytest.LogCaptureFixture
) -> None:
    """It is kept in a file that is no secret's, and its log is nobody's secret either."""
    caplog.set_level(logging.DEBUG)
    registration = tenant.register()
    service.forget()
    tenant.update_ip()
    kept = msgspec.json.encode(registration).decode() + repr(registration)
    assert secrets_in(kept + caplog.text, tenant, service) == []


def secrets_in(text: str, tenant: Tenant, service: PicNgo) -> list[str]:
    known = [tenant.token, service.totp_secret, *(key.strip('"') for key in posts(service))]
    assert all(known)
    return [one for one in known if one in text]


def test_a_damaged_token_is_not_shown(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """It may be a secret all the same, put into the wrong file."""
    caplog.set_level(logging.DEBUG)
    tenant.secrets.put("token", Secret("first line\nsecond line"))
    with pytest.raises(PicdnsError) as caught:
        tenant.register()
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "line" not in said.replace(", line ", "")
