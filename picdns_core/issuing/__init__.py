"""How a public CA is asked for certificates (RFC 8555); the only room that speaks ACME."""

from picdns_core.issuing.authority import Authority
from picdns_core.issuing.http01 import Http01Responder
from picdns_core.issuing.orders import Orders

__all__ = ["Authority", "Http01Responder", "Orders"]
