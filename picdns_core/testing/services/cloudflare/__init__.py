"""A stand-in for Cloudflare's API v4, as far as DNS needs it; each quirk names its source."""

from picdns_core.testing.services.cloudflare.service import Cloudflare
from picdns_core.testing.services.cloudflare.tokens import Permission

__all__ = ["Cloudflare", "Permission"]
