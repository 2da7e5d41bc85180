"""The endpoints: from requests to the account, and back."""

import re
from collections.abc import Callable

import flask

from picdns_core.testing.services.cloudflare.account import Account
from picdns_core.testing.services.cloudflare.envelope import Json, Refused, granted, page_of
from picdns_core.testing.services.cloudflare.table import find, selected
from picdns_core.testing.services.cloudflare.tokens import Permission, Token

PREFIX = "/client/v4"

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_READ: tuple[Permission, ...] = ("dns read", "dns edit")

_Answer = tuple[Json, int, dict[str, str]]


class Api:
    """The part of https://developers.cloudflare.com/api/ that has to do with DNS."""

    def __init__(self, account: Account) -> None:
        """Answer for an account."""
        self._account = account
        self.application = flask.Flask(__name__, static_folder=None)
        routes: list[tuple[str, str, Callable[..., Json]]] = [
            ("GET", "/user/tokens/verify", self._verify_user_token),
            ("GET", "/accounts/<account>/tokens/verify", self._verify_account_token),
            ("GET", "/zones", self._list_zones),
            ("GET", "/zones/<zone>", self._get_zone),
            ("GET", "/zones/<zone>/dns_records", self._list_records),
            ("POST", "/zones/<zone>/dns_records", self._create),
            ("POST", "/zones/<zone>/dns_records/batch", self._batch),
            ("GET", "/zones/<zone>/dns_records/<record>", self._get),
            ("PATCH", "/zones/<zone>/dns_records/<record>", self._patch),
            ("PUT", "/zones/<zone>/dns_records/<record>", self._put),
            ("DELETE", "/zones/<zone>/dns_records/<record>", self._delete),
        ]
        for method, path, view in routes:
            self.application.add_url_rule(PREFIX + path, view.__name__, view, methods=[method])
        self.application.before_request(self._admit)
        self.application.after_request(_with_limits)
        self.application.register_error_handler(Refused, _refusal)
        self.application.register_error_handler(404, lambda _: _refusal(_no_route()))
        self.application.register_error_handler(405, lambda _: _refusal(_no_route()))

    def _admit(self) -> None:
        flask.g.token = self._account.tokens.of(flask.request.headers.get("Authorization"))
        if flask.g.token:
            flask.g.limits = self._account.quota.spend(flask.g.token)
        identifiers = (flask.request.view_args or {}).values()
        if not all(_IDENTIFIER.fullmatch(identifier) for identifier in identifiers):
            raise _no_route()

    def _verify_user_token(self) -> Json:
        return self._verified(account_owned=False)

    def _verify_account_token(self, account: str) -> Json:
        if account != self._account.id:
            raise Refused(403, 9109, "Unauthorized to access requested resource")
        return self._verified(account_owned=True)

    def _verified(self, *, account_owned: bool) -> Json:
        token: Token | None = flask.g.token
        if not token or token.account_owned != account_owned:
            # Each kind has its own endpoint, and is unknown to the other:
            # https://github.com/sendmebits/ghostmail-ios/issues/2
            raise Refused(401, 1000, "Invalid API Token")
        # https://github.com/putyourlightson/craft-cloudflare/issues/88
        message = f"This API Token is valid and {token.status}"
        return granted(token.verified(), {"code": 10000, "message": message, "type": None})

    def _list_zones(self) -> Json:
        # https://developers.cloudflare.com/api/resources/zones/methods/list/
        zones = [self._account.described(one) for one in self._account.zones_of(flask.g.token)]
        asked = flask.request.args
        found = [
            zone
            for zone in zones
            if asked.get("name", zone["name"]) == zone["name"]
            and asked.get("status", zone["status"]) == zone["status"]
            and asked.get("account.id", self._account.id) == self._account.id
        ]
        return page_of(found, asked, size=20, most=50)

    def _get_zone(self, zone: str) -> Json:
        return granted(self._account.described(self._account.zone(zone, flask.g.token)))

    def _list_records(self, zone: str) -> Json:
        records = self._account.records_of(zone, flask.g.token, *_READ).records
        asked = flask.request.args
        return page_of(selected(records, asked), asked, size=100, most=5_000_000)

    def _get(self, zone: str, record: str) -> Json:
        return granted(find(self._account.records_of(zone, flask.g.token, *_READ).records, record))

    def _create(self, zone: str) -> Json:
        hosted, fields = self._account.records_of(zone, flask.g.token, "dns edit"), _body()
        return granted(self._account.change(hosted, lambda change: change.create(fields)))

    def _patch(self, zone: str, record: str) -> Json:
        hosted, fields = self._account.records_of(zone, flask.g.token, "dns edit"), _body()
        return granted(self._account.change(hosted, lambda change: change.patch(record, fields)))

    def _put(self, zone: str, record: str) -> Json:
        hosted, fields = self._account.records_of(zone, flask.g.token, "dns edit"), _body()
        return granted(self._account.change(hosted, lambda change: change.replace(record, fields)))

    def _delete(self, zone: str, record: str) -> Json:
        hosted = self._account.records_of(zone, flask.g.token, "dns edit")
        self._account.change(hosted, lambda change: change.delete(record))
        return granted({"id": record})

    def _batch(self, zone: str) -> Json:
        hosted, asked = self._account.records_of(zone, flask.g.token, "dns edit"), _body()
        return granted(self._account.change(hosted, lambda change: change.batch(asked)))


def _body() -> Json:
    body = flask.request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        # https://github.com/favonia/cloudflare-ddns/issues/1026
        raise Refused(400, 9207, "Request body is invalid.")
    return body


def _no_route() -> Refused:
    # https://github.com/K0p1-Git/cloudflare-ddns-updater/issues/61
    path = flask.request.path
    message = f"Could not route to {path}, perhaps your object identifier is invalid?"
    return Refused(404, 7003, message)


def _refusal(refused: Refused) -> _Answer:
    return refused.body, refused.status, refused.headers


def _with_limits(response: flask.Response) -> flask.Response:
    for name, value in flask.g.get("limits", {}).items():
        response.headers[name] = value
    return response
