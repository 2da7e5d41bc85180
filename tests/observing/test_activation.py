"""Which of our observers there are follows from the config and from what is installed."""

import logging
import subprocess
import sys

import msgspec
import pytest

from picdns_core.announcer import Announcer
from picdns_core.model import Cell
from picdns_core.observers import Observers
from picdns_core.observing import configured, hindrances
from picdns_core.observing.messages import Messages
from picdns_core.observing.metrics import Metrics
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings

from .given import tick

URLS = Secret("json://127.0.0.1:1")


def settings(**sections: object) -> PicdnsSettings:
    return msgspec.convert(sections, PicdnsSettings)


def test_config_says_which_observers_there_are() -> None:
    """None of them unasked."""
    assert configured(settings(), URLS) == ()
    [messages] = configured(settings(notify={}), URLS)
    assert isinstance(messages, Messages)
    [metrics] = configured(settings(metrics={}), None)
    assert isinstance(metrics, Metrics)


def test_messages_without_urls_are_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """With the command that gives them."""
    assert configured(settings(notify={}), None) == ()
    assert "picdns.notify.urls: is missing." in caplog.text
    assert "--secret picdns.notify.urls=@FILE" in caplog.text


_BARE = """
import sys, msgspec
sys.modules["apprise"] = sys.modules["prometheus_client"] = None  # as if not installed
from picdns_core.observing import configured
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings
picdns = msgspec.convert({"notify": {}, "metrics": {}}, PicdnsSettings)
assert configured(picdns, Secret("json://127.0.0.1:1")) == ()
"""


def test_a_missing_extra_is_said_with_its_mend() -> None:
    """And the rest goes on without it."""
    done = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, text=True, check=True)
    for key, extra in (("picdns.notify", "notify"), ("picdns.metrics", "metrics")):
        assert f"observer skipped: {key}: needs " in done.stderr
        assert f"pip install 'picdns-core[{extra}]'" in done.stderr


_LAZY = """
import sys, msgspec
import picdns_core, picdns_core.cli
from picdns_core.observing import configured
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings
picdns = msgspec.convert({"notify": {}, "metrics": {}}, PicdnsSettings)
assert len(configured(picdns, Secret("json://127.0.0.1:1"))) == 2
assert not {"apprise", "prometheus_client"} & set(sys.modules)
"""


def test_libraries_are_not_loaded_before_there_is_something_to_tell() -> None:
    """They cost more than `picdns status` does."""
    subprocess.run([sys.executable, "-c", _LAZY], check=True)


def test_nothing_hinders_where_both_are_installed() -> None:
    """As here."""
    assert hindrances(settings(notify={}, metrics={}), URLS) == ()


class Ear:
    """Hears ticks, or fails at them."""

    def __init__(self, *, broken: bool = False) -> None:
        self.heard: list[str] = []
        self._broken = broken

    def ticked(self, event: object) -> None:
        if self._broken:
            raise ValueError("of its own")
        self.heard.append(type(event).__name__)


def test_our_observers_are_asked_for_at_each_event(caplog: pytest.LogCaptureFixture) -> None:
    """So a new config holds from the next event on; one that fails stops no other."""
    present: list[Ear] = []
    observers = Observers(lambda: present)
    observers.tell(tick())
    good = Ear()
    present += [Ear(broken=True), good]
    with caplog.at_level(logging.ERROR):
        observers.tell(tick(cell=Cell(name="a", mode="lan", domain="a.cell")))
    assert good.heard == ["Ticked"]
    assert "observer Ear failed in ticked" in caplog.text


def test_announcer_tells_those_of_the_newest_config() -> None:
    """Though it loads observers only once."""
    first, second = Ear(), Ear()
    announcer = Announcer(lambda: [first])
    announcer.ticked(tick())
    announcer.configure(lambda: [second])
    announcer.ticked(tick())
    assert (first.heard, second.heard) == (["Ticked"], ["Ticked"])
