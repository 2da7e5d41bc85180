"""Services come and go: written into the config, then into certificates and servers."""

from picdns_core.services.decisions import Decision, ServicesChanged
from picdns_core.services.edits import adding, removing
from picdns_core.services.services import Services

__all__ = ["Decision", "Services", "ServicesChanged", "adding", "removing"]
