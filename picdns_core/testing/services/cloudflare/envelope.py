"""The one form of all answers, and the pages of a list."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """A request was not done; carries the answer that says so."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        cause: tuple[int, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse with Cloudflare's code and words; a `cause` becomes the `error_chain`."""
        super().__init__(message)
        error: Json = {"code": code, "message": message}
        if cause:
            error["error_chain"] = [{"code": cause[0], "message": cause[1]}]
        self.status = status
        self.headers = dict(headers or {})
        self.body: Json = {"success": False, "errors": [error], "messages": [], "result": None}


def granted(result: Any, *messages: Json, **more: Any) -> Json:
    """Wrap a result as https://developers.cloudflare.com/fundamentals/api/ shows it."""
    return {"result": result, "success": True, "errors": [], "messages": list(messages), **more}


def page_of(items: Sequence[Json], asked: Mapping[str, str], *, size: int, most: int) -> Json:
    """Wrap the page that was asked for; `size` and `most` limit how many items one holds.

    `per_page` below the documented minimum of zones is obeyed: certbot-dns-cloudflare asks for 1.
    A page after the last one is empty, which ends the SDKs' iteration.
    """
    per_page = min(max(_number(asked.get("per_page"), size), 1), most)
    page = max(_number(asked.get("page"), 1), 1)
    found = list(items[(page - 1) * per_page : page * per_page])
    info = {
        "page": page,
        "per_page": per_page,
        "count": len(found),
        "total_count": len(items),
        "total_pages": math.ceil(len(items) / per_page),
    }
    return granted(found, result_info=info)


def _number(text: str | None, otherwise: int) -> int:
    # The SDKs declare both as float: https://github.com/cloudflare/cloudflare-python
    try:
        return int(float(text)) if text else otherwise
    except ValueError:
        return otherwise
