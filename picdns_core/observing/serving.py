"""Serves metrics over HTTP, once per process and address."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from picdns_core.names import host_port

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_log = logging.getLogger(__name__)
_guard = threading.Lock()
_serving: dict[str, bool] = {}  # by address; False where it could not be, which is tried again


def serve(listen: str, registry: CollectorRegistry) -> None:
    """Serve what is in the registry; where that fails it is logged once, and never raised."""
    from prometheus_client import start_http_server

    with _guard:
        if _serving.get(listen):
            return
        try:
            host, port = host_port(listen)
            start_http_server(port, host.strip("[]"), registry)
        except (OSError, ValueError) as error:
            if listen not in _serving:
                mend = "Free the address, or change picdns.metrics.listen; it is tried again."
                _log.error(
                    "metrics are not served at %s: %s. %s",
                    listen,
                    error,
                    mend,
                    extra={"event": "metrics_not_served", "listen": listen},
                )
            _serving[listen] = False
        else:
            _serving[listen] = True
