"""How a public CA is asked for certificates (RFC 8555); the only room that speaks ACME."""

from picdns_core.issuing.authority import Authority
from picdns_core.issuing.http01 import Http01Responder
from picdns_core.issuing.orders import Orders
from picdns_core.issuing.renewal_info import RenewalInfo, certificate_id
from picdns_core.issuing.revocation import REASONS, Reason
from picdns_core.issuing.withdrawal import withdraw_all

__all__ = [
    "REASONS",
    "Authority",
    "Http01Responder",
    "Orders",
    "Reason",
    "RenewalInfo",
    "certificate_id",
    "withdraw_all",
]
