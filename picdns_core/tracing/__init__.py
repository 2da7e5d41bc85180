"""The whole path of one name: what is said of it inside and outside, and what is served there."""

from picdns_core.tracing.legs import Leg, Trace
from picdns_core.tracing.path import trace

__all__ = ["Leg", "Trace", "trace"]
