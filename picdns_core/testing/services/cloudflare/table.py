"""The records of a zone as the account sees them, and the changes that are asked for."""

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping

from picdns_core.testing.services.cloudflare.envelope import Json, Refused
from picdns_core.testing.services.cloudflare.rules import checked

_ADDRESSES = {"A", "AAAA"}
_MOST = 200  # https://github.com/cloudflare/cloudflare-docs/pull/16600
_SAME_NAME = (
    "For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/"
    "troubleshooting/records-with-same-name/>."
)

Records = dict[str, Json]
"""Records by their id; never changed in place."""


class Change:
    """Records as they would be; becomes real when the table takes them."""

    def __init__(self, zone: str, records: Records) -> None:
        """Begin with what there is."""
        self._zone = zone
        self.records = dict(records)
        self.names: set[str] = set()
        """The names whose records differ."""

    def create(self, fields: Json) -> Json:
        """Add a record."""
        if len(self.records) >= _MOST:
            # https://github.com/js-org/js.org/issues/2873
            raise Refused(400, 81045, "Record quota exceeded.")
        now = _now()
        record = {"id": secrets.token_hex(16), **checked(fields, self._zone), "created_on": now}
        return self._keep(record, previous={}, now=now)

    def patch(self, identifier: str, fields: Json) -> Json:
        """Change the fields that are given; everything else stays."""
        previous = self._find(identifier)
        return self._keep({**previous, **checked(previous | fields, self._zone)}, previous, _now())

    def replace(self, identifier: str, fields: Json) -> Json:
        """Change all fields; what is not given gets its default."""
        previous = self._find(identifier)
        return self._keep({**previous, **checked(fields, self._zone)}, previous, _now())

    def delete(self, identifier: str) -> Json:
        """Remove a record."""
        removed = self._find(identifier)
        del self.records[identifier]
        self.names.add(removed["name"])
        return removed

    def batch(self, asked: Mapping[str, list[Json]]) -> dict[str, list[Json]]:
        """Do many changes in the documented order, whatever the order in the request.

        https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/batch/
        """
        return {
            "deletes": [self.delete(one.get("id", "")) for one in asked.get("deletes") or ()],
            "patches": [self.patch(one.get("id", ""), one) for one in asked.get("patches") or ()],
            "puts": [self.replace(one.get("id", ""), one) for one in asked.get("puts") or ()],
            "posts": [self.create(one) for one in asked.get("posts") or ()],
        }

    def _find(self, identifier: str) -> Json:
        return find(self.records, identifier)

    def _keep(self, record: Json, previous: Json, now: str) -> Json:
        others = [one for one in self.records.values() if one["id"] != record["id"]]
        _refuse_conflicts(record, others)
        if record["comment"] and record["comment"] != previous.get("comment"):
            record["comment_modified_on"] = now
        record["modified_on"] = now
        self.records[record["id"]] = record
        self.names |= {one["name"] for one in (previous, record) if one}
        return record


def find(records: Records, identifier: str) -> Json:
    """Return a record by its id."""
    if identifier not in records:
        # https://github.com/cloudflare/terraform-provider-cloudflare/issues/1621
        raise Refused(404, 81044, "Record does not exist.")
    return records[identifier]


def selected(records: Records, asked: Mapping[str, str]) -> list[Json]:
    """Return the records that the filters of a listing leave, in the order it asks for.

    https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
    """
    filters = [(key, value) for key, value in asked.items() if _is_filter(key)]
    enough = any if asked.get("match") == "any" and filters else all
    found = [
        record
        for record in records.values()
        if enough(_matches(record, key, value) for key, value in filters)
    ]
    if order := asked.get("order"):
        found.sort(key=lambda record: str(record.get(order)))
    if asked.get("direction") == "desc":
        found.reverse()
    return found


def _is_filter(key: str) -> bool:
    return key.partition(".")[0] in {"type", "name", "content", "comment", "proxied"}


def _matches(record: Json, key: str, wanted: str) -> bool:
    # A TXT is compared as it is kept, with its quotation marks:
    # https://github.com/libdns/cloudflare/pull/24
    field, _, operator = key.partition(".")
    value = record[field]
    if operator in {"present", "absent"}:
        return (value is not None) == (operator == "present")
    text, wanted = "" if value is None else str(value).lower(), wanted.lower()
    if operator == "contains":
        return wanted in text
    if operator == "startswith":
        return text.startswith(wanted)
    if operator == "endswith":
        return text.endswith(wanted)
    return text == wanted


def _refuse_conflicts(record: Json, others: Iterable[Json]) -> None:
    same = [other for other in others if other["name"] == record["name"]]
    kinds = {other["type"] for other in same}
    if record["type"] in _ADDRESSES and "CNAME" in kinds:
        # https://github.com/jeessy2/ddns-go/issues/1557
        message = f"A CNAME record with that host already exists. {_SAME_NAME}"
        raise Refused(400, 81054, message)
    # Records of other types do stand beside a CNAME:
    # https://github.com/kubernetes-sigs/external-dns/issues/2410
    if record["type"] == "CNAME" and kinds & {*_ADDRESSES, "CNAME"}:
        message = f"An A, AAAA, or CNAME record with that host already exists. {_SAME_NAME}"
        raise Refused(400, 81053, message)
    if any((record["type"], record["content"]) == (one["type"], one["content"]) for one in same):
        # https://github.com/jeessy2/ddns-go/issues/1378
        raise Refused(400, 81058, "An identical record already exists.")


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
