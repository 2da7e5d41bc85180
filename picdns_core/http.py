"""The requests session that everyone uses: timeouts, retries of safe methods, CA bundle."""

from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from picdns_core.errors import ConfigError

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and to wait for each part of the answer."""


class Session(requests.Session):
    """A session that never waits for ever; for one thread at a time.

    GET and HEAD are tried three times in all when the connection or a gateway fails; everything
    else once. `ca_bundle` is a PEM file that verifies HTTPS instead of the system's.
    """

    def __init__(self, ca_bundle: str | None = None, *, key: str = "picdns.http.ca_bundle") -> None:
        super().__init__()
        if ca_bundle and not Path(ca_bundle).is_file():
            raise ConfigError(key, f"{ca_bundle} is not a file.", hint="Name a PEM file.")
        self.verify = ca_bundle or True
        retries = Retry(
            total=2,
            status_forcelist=(502, 503, 504),
            allowed_methods=("GET", "HEAD"),
            backoff_factor=0.2,
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=retries))

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any
    ) -> requests.Response:
        kwargs.setdefault("timeout", TIMEOUT)
        if self.verify is not True:
            # requests lets REQUESTS_CA_BUNDLE win over a session's own bundle (psf/requests#3829).
            kwargs.setdefault("verify", self.verify)
        return super().request(method, url, *args, **kwargs)
