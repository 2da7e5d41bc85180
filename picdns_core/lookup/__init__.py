"""How public DNS is asked: from the roots down, at the servers that have authority."""

from picdns_core.lookup.lookup import Caa, Lookup, Shown

__all__ = ["Caa", "Lookup", "Shown"]
