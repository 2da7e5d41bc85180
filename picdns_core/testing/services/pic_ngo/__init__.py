"""A stand-in for ddns.pic.ngo, as docs/ddns-protocol.md describes the service."""

from .server import PicNgo

__all__ = ["PicNgo"]
