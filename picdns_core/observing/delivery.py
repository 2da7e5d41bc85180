"""Hands messages to Apprise, which knows a hundred services; nobody waits for them for long."""

import logging
import threading
from contextvars import ContextVar, copy_context

from picdns_core.secret import Secret

_AT_A_TIME = 4  # messages under way; more than these would pile up behind services that hang
_PATIENCE = 10.0  # seconds after which a message goes on alone, in its thread

_log = logging.getLogger(__name__)
_ours: ContextVar[bool] = ContextVar("picdns_delivery", default=False)


class Delivery:
    """Sends each message to all URLs; what fails is logged without the URL, and never raises."""

    def __init__(self, urls: Secret) -> None:
        lines = (line.strip() for line in urls.reveal().splitlines())
        self._urls = [Secret(line) for line in lines if line and not line.startswith("#")]
        self._free = threading.BoundedSemaphore(_AT_A_TIME)

    def send(self, kind: str, title: str, body: str) -> None:
        """Send it, and wait a little, so that a process which ends has not lost it."""
        if not self._free.acquire(blocking=False):
            _log.error(
                "a message was not sent: the ones before it are still under way",
                extra={"event": "message_not_sent"},
            )
            return
        work = copy_context()
        work.run(_ours.set, True)  # noqa: FBT003 - the value
        thread = threading.Thread(
            target=work.run, args=(self._deliver, kind, title, body), name="picdns-notify"
        )
        thread.daemon = True
        thread.start()
        thread.join(_PATIENCE)

    def _deliver(self, kind: str, title: str, body: str) -> None:
        try:
            _keep_quiet()
            for number, url in enumerate(self._urls, 1):
                if not _sent(url, kind, title, body):
                    _log.error(
                        "a message was not delivered to URL %s of picdns.notify",
                        number,
                        extra={"event": "message_not_delivered", "number": number},
                    )
        except Exception as error:  # noqa: BLE001 - of a library; its text may show a URL
            failure = type(error).__name__
            _log.error(
                "a message was not delivered: %s",
                failure,
                extra={"event": "message_broke", "error": failure},
            )
        finally:
            self._free.release()


def _sent(url: Secret, kind: str, title: str, body: str) -> bool:
    from apprise import Apprise, AppriseAsset

    # In this thread: those of Apprise's own pool would hold up the end of the process.
    asset = AppriseAsset(app_id="picdns", async_mode=False, service_timeout=0)
    one = Apprise(asset=asset)
    if not one.add([url.reveal()]):
        return False
    return bool(one.notify(body, title, notify_type=kind, body_format="text"))


def _keep_quiet() -> None:
    """Drop what libraries log of our messages: at DEBUG whole URLs, and tokens are part of them."""
    for name in ("apprise", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_dropped)  # the same one again changes nothing


def _dropped(_: logging.LogRecord) -> bool:
    return not _ours.get()
