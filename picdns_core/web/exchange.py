"""What comes in and goes out: JSON of known form, and nothing else."""

from typing import Any, TypeVar

import msgspec
from flask import Response, request
from msgspec import Struct
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

_MOST = 64 * 1024  # bytes of a body
_Form = TypeVar("_Form", bound=Struct)


def taken(form: type[_Form]) -> _Form:
    """Read the body as such an object; too long, another type or form is refused."""
    request.max_content_length = _MOST
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON, as Content-Type: application/json.")
    try:
        return msgspec.json.decode(request.get_data(), type=form)
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"The JSON is not as expected: {error}.") from None


def given(data: Any, status: int = 200, **headers: str) -> Response:
    """Send an object of ours as JSON; times are RFC 3339 in UTC."""
    body = msgspec.json.encode(data, enc_hook=str)
    return Response(body, status, headers, mimetype="application/json")
