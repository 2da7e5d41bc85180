"""Tells observers what happened to a cell."""

import logging

import pluggy

from picdns_core import hookspecs
from picdns_core.contract import check_observer
from picdns_core.errors import PluginError
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

    def __init__(self) -> None:
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
                _log.warning("observer skipped: %s", error)

    def tell(self, event: Event) -> None:
        """Call each observer's hook for this event; never raises."""
        hook = _HOOKS[type(event)]
        everybody = self._manager.list_name_plugin()
        for name, plugin in everybody:
            others = [other for _, other in everybody if other is not plugin]
            try:
                self._manager.subset_hook_caller(hook, others)(event=event)
            except (Exception, SystemExit):  # noqa: BLE001 - it is the observer's own affair
                _log.exception("observer %s failed in %s", name, hook)
