"""What schemathesis cannot know of ddns.pic.ngo; loaded by the runs that a test starts."""

import os
import secrets
from typing import Any

import pyotp
import schemathesis


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    """Where a good registration is meant, give it the code of this moment and a key of its own."""
    meant = case.meta is not None and case.meta.generation.mode.is_positive
    if meant and case.operation.label == "POST /v1/registrations" and case.method == "POST":
        case.body["totp"] = pyotp.TOTP(os.environ["PIC_NGO_TOTP_SECRET"]).now()
        case.headers["Idempotency-Key"] = f'"{secrets.token_urlsafe(32)}"'
