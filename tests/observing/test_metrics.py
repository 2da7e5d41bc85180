"""Metrics as Prometheus reads them over HTTP."""

import socket
import urllib.request
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from picdns_core.model import Cell
from picdns_core.observing.metrics import Metrics

from .given import NOON, TICK, failure, tick

Samples = dict[tuple[str, ...], float]


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def listen() -> str:
    return free_address()


def scrape(listen: str) -> Samples:
    with urllib.request.urlopen(f"http://{listen}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    found: Samples = {_key(sample): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def _key(sample: Sample) -> tuple[str, ...]:
    return sample.name.removeprefix("picdns_"), *sample.labels.values()


HOME = "home.example.org"


def test_a_tick_is_seen_in_the_figures(listen: str) -> None:
    """When certificates end, what is published, what went well and how long it took."""
    Metrics(listen, CollectorRegistry()).ticked(tick())
    found = scrape(listen)
    end = (NOON + timedelta(days=20)).timestamp()
    assert found["certificate_expiry_timestamp_seconds", HOME, HOME] == end
    assert found["last_success_timestamp_seconds", HOME, "certificates"] == NOON.timestamp()
    assert found["address_published_timestamp_seconds", HOME, "ipv4"] == NOON.timestamp()
    assert ("address_published_timestamp_seconds", HOME, "ipv6") not in found
    assert found["tick_duration_seconds_sum", HOME, "certificates"] == pytest.approx(0.2)


def test_failures_are_counted_when_they_begin_and_shown_while_they_last(listen: str) -> None:
    """And a tick that has problems is no success."""
    metrics = Metrics(listen, CollectorRegistry())
    broken = [failure(), failure(subject="files.home.example.org")]
    for number in range(400):
        metrics.ticked(tick(NOON + number * TICK, broken))
    during = scrape(listen)
    metrics.ticked(tick(NOON + 400 * TICK, recovered=broken))
    after = scrape(listen)
    assert during["problems", HOME, "ProviderUnavailable"] == 2
    assert ("last_success_timestamp_seconds", HOME, "certificates") not in during
    assert ("problems", HOME, "ProviderUnavailable") not in after
    for found in (during, after):
        assert found["failures_total", HOME, "ProviderUnavailable"] == 2


def test_two_cells_and_two_tasks_share_a_registry(listen: str) -> None:
    """Each `Runner` of a process has an observer of its own; what both tasks know is there once."""
    registry, other = CollectorRegistry(), Cell(name="b", mode="lan", domain="b.cell")
    Metrics(None, registry).ticked(tick(cell=other, certificates={"b.cell": NOON}))
    metrics = Metrics(listen, registry)
    metrics.ticked(tick())
    metrics.ticked(tick(NOON + TICK, [failure(subject="addresses")], task="addresses"))
    found = scrape(listen)
    assert found["certificate_expiry_timestamp_seconds", "b.cell", "b.cell"] == NOON.timestamp()
    assert found["certificate_expiry_timestamp_seconds", HOME, HOME] > NOON.timestamp()
    assert found["problems", HOME, "ProviderUnavailable"] == 1


def test_what_the_cell_no_longer_has_is_no_longer_told(listen: str) -> None:
    """A certificate that is gone does not expire; nor do those of a former domain."""
    metrics = Metrics(listen, CollectorRegistry())
    metrics.ticked(tick(certificates={"files.home.example.org": NOON}))
    metrics.ticked(tick())
    assert ("certificate_expiry_timestamp_seconds", HOME, f"files.{HOME}") not in scrape(listen)
    metrics.ticked(tick(cell=Cell(name="home", mode="lan", domain="new.cell")))
    kept = [key for key in scrape(listen) if key[1:2] == (HOME,) and key[0].endswith("_seconds")]
    assert kept == []


def test_a_port_in_use_is_said_once_and_served_when_it_is_free(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The tick goes on, and the figures are not lost."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        metrics = Metrics(listen, CollectorRegistry())
        for number in range(3):
            metrics.ticked(tick(NOON + number * TICK))
    [said] = caplog.messages
    assert said.startswith(f"metrics are not served at {listen}: ")
    assert "Free the address" in said
    metrics.ticked(tick(NOON + 3 * TICK))
    assert scrape(listen)["tick_duration_seconds_count", HOME, "certificates"] == 4


def test_an_address_that_is_none_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """As with a port in use."""
    metrics = Metrics("everywhere", CollectorRegistry())
    for number in range(3):
        metrics.ticked(tick(NOON + number * TICK))
    assert len(caplog.messages) == 1
    assert "'everywhere' is not host:port" in caplog.text
