"""Certificates across their renewals: each renewal is a generation, one of them is current."""

import logging

from msgspec import Struct

from picdns_core.errors import DamagedState
from picdns_core.model import CertFiles, Moment
from picdns_core.store.documents import Document, load, save
from picdns_core.store.protocol import Store

_log = logging.getLogger(__name__)


class CertMeta(Document, frozen=True, kw_only=True):
    """What there is to know about a certificate without parsing it; times are UTC.

    `source` says who issued it: `acme:<directory URL>` or `signer:<fingerprint of the root>`, or
    that it was `adopted` from elsewhere; `names` are then those of the cell that it is served for.
    """

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: Moment
    not_after: Moment
    renew_at: Moment
    mode: str
    source: str


class Certificate(Struct, frozen=True, kw_only=True):
    """One complete generation: key, chain and what is known about them."""

    lineage: str
    generation: str
    meta: CertMeta
    files: CertFiles


class Lineages:
    """The generations of every certificate; one is complete when its meta.json is there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._glances: dict[str, tuple[int | None, Certificate | None]] = {}
        self._known: tuple[int | None, frozenset[str]] = None, frozenset()

    def known(self) -> frozenset[str]:
        """Name the lineages of which there is anything; costs little while none comes or goes."""
        stamp = self._store.stamp("certs")
        if stamp is None or self._known[0] != stamp:
            found = frozenset(key.split("/")[1] for key in self._store.keys("certs"))
            self._known = stamp, found
        return self._known[1]

    def begin(self, lineage: str, generation: str, privkey_pem: bytes) -> None:
        """Keep the private key of a generation whose certificate is still to be had."""
        self._store.put(f"certs/{lineage}/{generation}/privkey.pem", privkey_pem)

    def next_generation(self, lineage: str) -> str:
        """Name a generation newer than all there are."""
        newest = (self.generations(lineage) or ["0"])[-1]
        return f"{int(newest) + 1:06d}"

    def fullchain(self, lineage: str, generation: str) -> bytes | None:
        return self._store.get(f"certs/{lineage}/{generation}/fullchain.pem")

    def privkey(self, lineage: str, generation: str) -> bytes | None:
        return self._store.get(f"certs/{lineage}/{generation}/privkey.pem")

    def finish(
        self, lineage: str, generation: str, fullchain_pem: bytes, meta: CertMeta
    ) -> Certificate:
        """Complete a generation that `begin` began."""
        self._store.put(f"certs/{lineage}/{generation}/fullchain.pem", fullchain_pem)
        save(self._store, f"certs/{lineage}/{generation}/meta.json", meta)
        self._glances.pop(lineage, None)
        return self._certificate(lineage, generation, meta)

    def newest(self, lineage: str) -> Certificate | None:
        """Return the newest complete generation; it may not be live yet."""
        for generation in reversed(self.generations(lineage)):
            if found := self.get(lineage, generation):
                return found
        return None

    def glance(self, lineage: str) -> Certificate | None:
        """Return the newest as it was at the last look since which nothing came or went there.

        It costs little, and says nothing of who removed or completed single files meanwhile.
        """
        stamp = self._store.stamp(f"certs/{lineage}")
        seen = self._glances.get(lineage)
        if stamp is None or seen is None or seen[0] != stamp:
            seen = self._glances[lineage] = stamp, self.newest(lineage)
        return seen[1]

    def current(self, lineage: str) -> Certificate | None:
        """Return the generation that is live."""
        generation = self._store.current(lineage)
        return self.get(lineage, generation) if generation else None

    def get(self, lineage: str, generation: str) -> Certificate | None:
        """Return a generation if it is complete; one that lacks a file or is damaged is not."""
        folder = f"certs/{lineage}/{generation}"
        try:
            meta = load(self._store, f"{folder}/meta.json", CertMeta)
        except DamagedState as error:
            _log.warning("%s", error, extra={"event": "certificate_damaged"})
            return None
        if meta is None or not {f"{folder}/fullchain.pem", f"{folder}/privkey.pem"}.issubset(
            self._store.keys(folder)
        ):
            return None
        return self._certificate(lineage, generation, meta)

    def discard(self, lineage: str, generation: str) -> None:
        """Remove a generation; while this is half done, it is not complete."""
        self._store.delete(f"certs/{lineage}/{generation}")

    def drop(self, lineage: str) -> None:
        """Remove all generations of a lineage; `current` goes first, so that none is half there."""
        self._store.point(lineage, None)
        for generation in self.generations(lineage):
            self.discard(lineage, generation)
        self._store.delete(f"certs/{lineage}")
        self._glances.pop(lineage, None)

    def prune(self, lineage: str, keep: set[str]) -> None:
        """Remove generations older than the current one that are not in `keep`.

        The newest whole one of them stays, for a reader that is between its two files while
        `current` moves.
        """
        current, generations = self._store.current(lineage), self.generations(lineage)
        if current not in generations:
            return
        older = generations[: generations.index(current)]
        whole = [generation for generation in older if self.get(lineage, generation)]
        for generation in older:
            if generation not in {*keep, *whole[-1:]}:
                self.discard(lineage, generation)

    def generations(self, lineage: str) -> list[str]:
        """List all of them, complete or not, the oldest first."""
        parts = (key.split("/")[2] for key in self._store.keys(f"certs/{lineage}"))
        return sorted({part for part in parts if part.isdigit()}, key=int)

    def _certificate(self, lineage: str, generation: str, meta: CertMeta) -> Certificate:
        files = self._store.files(lineage, generation)
        return Certificate(lineage=lineage, generation=generation, meta=meta, files=files)
