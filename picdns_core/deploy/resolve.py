"""What one name server answers, asked as a client would."""

from msgspec import Struct


class Heard(Struct, frozen=True, kw_only=True):
    """An answer: `rcode` in words (`NOERROR`, `REFUSED`), None when nobody answered.

    `values` are those of the type that was asked for, in the form of zone files, sorted; `aa` says
    whether the server has authority over the name.
    """

    rcode: str | None
    values: tuple[str, ...] = ()
    aa: bool = False
