"""Tells observers what happened to a cell."""

import logging
from collections.abc import Callable, Iterable

import pluggy

from picdns_core import hookspecs
from picdns_core.contract import check_observer
from picdns_core.errors import PicdnsError, PluginError
from picdns_core.events import (
    CertFailed,
    CertIssued,
    Event,
    IpChanged,
    ModeChanged,
    Registered,
    Ticked,
)
from picdns_core.installed import distribution_of, entries, load

_HOOKS: dict[type[Event], str] = {
    Registered: "registered",
    IpChanged: "ip_changed",
    CertIssued: "cert_issued",
    CertFailed: "cert_failed",
    ModeChanged: "mode_changed",
    Ticked: "ticked",
}

_log = logging.getLogger(__name__)


class Observers:
    """Everybody who wants to hear what happened; one that fails is logged and passed over."""

    def __init__(self, own: Callable[[], Iterable[object]] = tuple) -> None:
        """Load those that are installed; `own` names ours, and is asked at each event."""
        self._own = own
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for entry in entries(hookspecs.OBSERVERS):
            distribution = distribution_of(entry)
            try:
                plugin = load(distribution, entry)
                check_observer(distribution, plugin)
                if not self._manager.is_registered(plugin):
                    self._manager.register(plugin, name=f"{entry.name} of {distribution}")
            except PluginError as error:
                _log.warning("observer skipped: %s", error, extra={"event": "observer_skipped"})

    def tell(self, event: Event) -> None:
        """Call each observer's hook for this event; never raises."""
        hook = _HOOKS[type(event)]
        everybody = self._manager.list_name_plugin()
        for name, plugin in everybody:
            others = [other for _, other in everybody if other is not plugin]
            _tell(name, hook, self._manager.subset_hook_caller(hook, others), event)
        for one in self._ours():
            if method := getattr(one, hook, None):
                _tell(type(one).__name__, hook, method, event)

    def _ours(self) -> Iterable[object]:
        try:
            return self._own()
        except PicdnsError as error:
            _log.warning(
                "our own observers skipped: %s", error, extra={"event": "own_observers_skipped"}
            )
            return ()


def _tell(name: str, hook: str, call: Callable[..., object], event: Event) -> None:
    try:
        call(event=event)
    except (Exception, SystemExit):  # noqa: BLE001 - it is the observer's own affair
        _log.exception(
            "observer %s failed in %s",
            name,
            hook,
            extra={"event": "observer_failed", "observer": name, "hook": hook},
        )
