"""What makes a certificate live: the Caddyfile, Caddy, and a look at what is served."""

from picdns_core.deploy.live import CaddyDeployment, Deployment
from picdns_core.deploy.probe import served_serial

__all__ = ["CaddyDeployment", "Deployment", "served_serial"]
