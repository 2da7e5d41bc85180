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

from picdns_core import PicdnsError, Secret
from picdns_core.secret import redact

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


def test_texts_of_others_are_cleared_of_every_secret() -> None:
    """As it is, and as a URL has it; the longer one first where one holds the other."""
    Secret("pass/word")
    Secret("pass/word-longer")
    assert redact("a pass/word-longer b pass%2Fword c") == "a *** b *** c"


def test_a_short_secret_does_not_garble_texts() -> None:
    """What has fewer than six characters occurs by chance."""
    Secret("the")
    assert redact("What the service said.") == "What the service said."


def test_no_error_of_ours_shows_a_secret() -> None:
    """Whoever words it, and from whatever it was told."""
    token = Secret(VALUE)
    error = PicdnsError(f"It said {token.reveal()}.", hint=f"Not {token.reveal()}.")
    assert (str(error), repr(error)) == ("It said ***. Not ***.", "PicdnsError('It said ***.')")
