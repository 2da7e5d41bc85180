"""The requests session that everyone uses: timeouts, retries of safe methods, no secret shown."""

import logging
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from picdns_core.errors import ConfigError
from picdns_core.secret import redact

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and to wait for each part of the answer."""


class Session(requests.Session):
    """A session that never waits for ever; for one thread at a time.

    What could not be sent is tried three times in all; GET and HEAD also when the connection
    breaks later or a gateway fails, everything else not: it may have been done. `ca_bundle` is a
    PEM file that verifies HTTPS instead of the system's. A secret in a URL is in no error of the
    session and in no log of what is below it.
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
        try:
            response = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            failure = error
        else:
            response.url = redact(response.url)  # it is part of what raise_for_status says
            return response
        # Not raised above, where the original with its chain of causes would hang on to the new.
        raise _presentable(failure)


def _presentable(error: requests.RequestException) -> requests.RequestException:
    """Return the error itself, or one of its kind without the secrets of its URL."""
    url = str(error.request.url) if error.request else str(error)
    if redact(url) == url:
        return error
    return type(error)(redact(str(error)))


class _Redactor(logging.Filter):
    """Takes secrets out of the lines in which urllib3 names URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (shown := redact(said)) != said:
            record.msg, record.args = shown, None
        return True


for _speaker in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_speaker}").addFilter(_Redactor())
