"""The internal root that devices must trust: the routes of the group `ca`."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from picdns_core import trust
from picdns_core.runner import Runner
from picdns_core.web.exchange import given
from picdns_core.web.jobs import Jobs

_FILES: dict[trust.Form, tuple[str, str]] = {
    "pem": ("application/x-pem-file", "picdns-root.pem"),
    "der": ("application/pkix-cert", "picdns-root.cer"),  # RFC 2585
    "mobileconfig": ("application/x-apple-aspen-config", "picdns-root.mobileconfig"),
}


def add_to(blueprint: Blueprint, runner: Runner, _: Jobs) -> None:
    """Add the routes."""

    @blueprint.get("/api/domain/ca")
    def root() -> Response:
        form = request.args.get("format", "pem")
        root_pem = runner.root_certificate()
        if form == "json":
            return given(
                {
                    "fingerprint": trust.fingerprint(root_pem),
                    "pem": root_pem.decode(),
                    "commands": trust.commands(root_pem),
                }
            )
        for known, (mimetype, name) in _FILES.items():
            if form == known:
                file = Response(trust.render(root_pem, known), mimetype=mimetype)
                file.headers["Content-Disposition"] = f'attachment; filename="{name}"'
                return file
        raise BadRequest("format is one of pem, der, mobileconfig and json.")
