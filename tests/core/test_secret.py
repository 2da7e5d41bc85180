"""A secret shows itself to nobody but who asks for it."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from picdns_core import Secret

VALUE = "s3cr3t-canary"


class Holder(msgspec.Struct):
    """Something that carries a secret around."""

    token: Secret


def test_it_is_revealed_where_it_is_asked_for() -> None:
    """The one place that sends it gets the value."""
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r:>30}".format,
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: f"{[secret]} {Holder(token=secret)}",
        lambda secret: str(ValueError(secret)),
    ],
)
def test_it_is_hidden_in_text(show: Callable[[Secret], str]) -> None:
    """However it gets into a message, stars are what is seen."""
    shown = show(Secret(VALUE))
    assert VALUE not in shown
    assert "***" in shown


def test_it_is_hidden_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Logged by mistake, it says nothing."""
    logging.getLogger("picdns_core").error("token %s", Secret(VALUE))
    assert caplog.messages == ["token Secret('***')"]


def test_it_is_hidden_in_tracebacks_that_show_variables() -> None:
    """Tools that print the variables of each frame print stars."""

    def fail(token: Secret) -> None:
        raise ValueError(f"{token} is wrong")

    with pytest.raises(ValueError, match="is wrong") as caught:
        fail(Secret(VALUE))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frame = "".join(shown.format()).partition(" in fail")[2]
    assert "token = Secret('***')" in frame
    assert VALUE not in frame


@pytest.mark.parametrize(
    "leave",
    [
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        lambda secret: msgspec.json.encode(Holder(token=secret)),
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        lambda secret: "Bearer " + secret,
        ",".join,
        bytes,
        list,
        vars,
    ],
)
def test_it_does_not_leave_by_accident(leave: Callable[[Any], object]) -> None:
    """Nothing serialises, copies or concatenates it."""
    with pytest.raises(TypeError) as caught:
        leave(Secret(VALUE))
    assert VALUE not in str(caught.value)


def test_equal_secrets_are_equal() -> None:
    """Two are compared by value, in constant time, and never with plain text."""
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret("ä") == Secret("ä")
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1
