"""What tells people and monitoring how the cell is: observers of our own, as extras."""

import logging
from collections.abc import Iterator
from importlib.util import find_spec

from picdns_core.errors import ConfigError
from picdns_core.secret import Secret
from picdns_core.settings import PicdnsSettings

_log = logging.getLogger(__name__)


def configured(picdns: PicdnsSettings, urls: Secret | None) -> tuple[object, ...]:
    """Return the observers that the config asks for; what cannot be is logged and left out.

    Their libraries are loaded when they hear of something. `urls` is the secret
    `picdns.notify.urls`.
    """
    for error in hindrances(picdns, urls):
        _log.warning("observer skipped: %s", error, extra={"event": "observer_skipped"})
    return tuple(_able(picdns, urls))


def hindrances(picdns: PicdnsSettings, urls: Secret | None) -> tuple[ConfigError, ...]:
    """Say what keeps the observers that the config asks for from their work."""
    found = []
    if picdns.notify is not None:
        if find_spec("apprise") is None:
            found.append(_missing("picdns.notify", "apprise", "notify"))
        if urls is None:
            hint = "Give them with `picdns init --secret picdns.notify.urls=@FILE`."
            found.append(ConfigError("picdns.notify.urls", "is missing.", hint=hint))
    if picdns.metrics is not None and find_spec("prometheus_client") is None:
        found.append(_missing("picdns.metrics", "prometheus-client", "metrics"))
    return tuple(found)


def _able(picdns: PicdnsSettings, urls: Secret | None) -> Iterator[object]:
    if picdns.notify is not None and urls is not None and find_spec("apprise"):
        from picdns_core.observing.messages import Messages

        yield Messages(urls)
    if picdns.metrics is not None and find_spec("prometheus_client"):
        from picdns_core.observing.metrics import Metrics

        yield Metrics(picdns.metrics.listen)


def _missing(key: str, package: str, extra: str) -> ConfigError:
    return ConfigError(
        key,
        f"needs {package}, which is not installed; everything else works without it.",
        hint=f"Install it: pip install 'picdns-core[{extra}]'",
    )
