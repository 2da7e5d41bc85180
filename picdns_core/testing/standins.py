"""The stand-ins of the local internet: services that nobody can install."""

import abc
from typing import TYPE_CHECKING, Protocol, TypeVar

from .certificates import ServerCertificate, TestAuthority
from .zone import Zone

if TYPE_CHECKING:  # the stand-ins need Flask, which not every test does
    from .services.cloudflare import Cloudflare
    from .services.duckdns import DuckDns
    from .services.echo import Echoes
    from .services.pic_ngo import PicNgo


class Closable(Protocol):
    """What has to be closed at the end."""

    def close(self) -> None:
        """Stop; safe twice."""


C = TypeVar("C", bound=Closable)


class StandIns(abc.ABC):
    """Starts stand-ins, each with its own state; they end with the internet at last."""

    @property
    @abc.abstractmethod
    def authority(self) -> TestAuthority:
        """The CA that signs their HTTPS."""

    @abc.abstractmethod
    def zone(self, name: str = "home.test") -> Zone:
        """Return a zone to write to."""

    @abc.abstractmethod
    def _keep(self, opened: C) -> C:
        """Close it at the end."""

    def cloudflare(self, *zones: str) -> "Cloudflare":
        """Start a stand-in for Cloudflare's API, with these zones; `home.test` when none."""
        from .services.cloudflare import Cloudflare

        served = [self.zone(name) for name in zones or ("home.test",)]
        return self._keep(Cloudflare(served, self._certificate("api.cloudflare.com")))

    def duckdns(self) -> "DuckDns":
        """Start a stand-in for DuckDNS, which writes to the zone `duckdns.org`."""
        from .services.duckdns import DuckDns

        return self._keep(DuckDns(self.zone("duckdns.org"), self._certificate("*.duckdns.org")))

    def pic_ngo(self) -> "PicNgo":
        """Start a stand-in for ddns.pic.ngo, which writes to the zone `pic.ngo`."""
        from .services.pic_ngo import PicNgo

        return self._keep(PicNgo(self.zone("pic.ngo"), self._certificate("ddns.pic.ngo")))

    def echoes(self, *operators: str) -> "Echoes":
        """Start operators who tell whoever asks their public address; four when none is named."""
        from .services.echo import Echoes

        certificate = self.authority.issue("127.0.0.1", "::1", "localhost")
        return self._keep(Echoes(certificate, *operators))

    def _certificate(self, name: str) -> ServerCertificate:
        return self.authority.issue(name, "127.0.0.1", "localhost")
