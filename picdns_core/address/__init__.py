"""How the public address is found and agreed on."""

from picdns_core.address.finder import AddressFinder
from picdns_core.address.finding import Finding, Sighting, Verdict

__all__ = ["AddressFinder", "Finding", "Sighting", "Verdict"]
