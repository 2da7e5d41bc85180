"""The cell over HTTP: a Flask blueprint that a host registers; extra `web`."""

try:
    import flask  # noqa: F401 - to say at once what is missing
except ImportError as error:  # pragma: no cover - proven in an environment without it
    raise ImportError(
        "picdns_core.web needs Flask: pip install 'picdns-core[web]'", name="flask"
    ) from error

from picdns_core.web.blueprint import GROUPS, Authorize, CellBlueprint, create_blueprint

__all__ = ["GROUPS", "Authorize", "CellBlueprint", "create_blueprint"]
