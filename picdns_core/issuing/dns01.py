"""DNS-01: TXT values put into public DNS, seen there, and removed for certain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from acme.challenges import DNS01
from josepy import jwk

from picdns_core.errors import ForeignName, PicdnsError
from picdns_core.hookspecs import Publisher
from picdns_core.issuing.solver import Proof
from picdns_core.issuing.withdrawal import withdraw_all
from picdns_core.model import Progress, Step, TxtRecord
from picdns_core.store.journal import TxtJournal

if TYPE_CHECKING:
    from picdns_core.lookup import Lookup


class Dns01Solver:
    """Shows TXT values through the mode's publisher, for one order.

    Each is in the journal before it is published and until it is withdrawn, so that the next
    process withdraws what this one could not.
    """

    challenge = DNS01

    def __init__(
        self,
        publisher: Publisher,
        lookup: Lookup,
        journal: TxtJournal,
        key: jwk.JWKEC,
        progress: Progress,
    ) -> None:
        self._publisher = publisher
        self._lookup = lookup
        self._journal = journal
        self._key = key
        self._progress = progress
        self._places: dict[str, str] = {}

    def rehearse(self, names: Iterable[str]) -> None:
        """Do nothing: `register` has shown that values can be written."""

    def batches(self, proofs: Sequence[Proof]) -> Iterator[Sequence[Proof]]:
        """Give each name as many values at a time as it can hold."""
        waiting = list(proofs)
        while waiting:
            batch: list[Proof] = []
            for proof in waiting:
                beside = [one for one in batch if self._place(one.name) == self._place(proof.name)]
                if len(beside) < self._publisher.values_per_name:
                    batch.append(proof)
            yield batch
            waiting = [proof for proof in waiting if proof not in batch]

    @contextmanager
    def showing(self, proofs: Sequence[Proof]) -> Iterator[None]:
        try:
            published = [self._publish(proof) for proof in proofs]
            self._progress(Step(text="Waiting for DNS to show it", name=proofs[0].name))
            self._lookup.await_visible(published)
            yield
        finally:
            try:
                withdraw_all(self._publisher, self._journal)
            except PicdnsError as error:  # it must not cost the certificate
                text = f"A TXT value is not removed yet, which is tried again: {error}"
                self._progress(Step(text=text, name=proofs[0].name))

    def _publish(self, proof: Proof) -> TxtRecord:
        """Publish where CNAMEs lead; at the name itself where only a wildcard leads elsewhere.

        A wildcard CNAME answers for the challenge's name too, until something is there.
        """
        record = self._record(proof)
        self._journal.add(record)
        self._progress(Step(text="Publishing the proof in DNS", name=record.name))
        try:
            self._publisher.publish(record)
        except ForeignName as error:
            own = f"{DNS01.LABEL}.{proof.name}"
            self._journal.remove(record)  # it is not published, and could not be withdrawn
            if record.name == own:
                raise
            if not self._lookup.is_by_wildcard(own):
                raise ForeignName(
                    f"A CNAME leads from {own} to {record.name}, where the proof cannot be "
                    f"written: {error.message}",
                    hint="Let the CNAME lead into a zone that these credentials can write to, or "
                    "remove it.",
                ) from error
            self._places[proof.name] = own
            return self._publish(proof)
        return record

    def _record(self, proof: Proof) -> TxtRecord:
        return TxtRecord(name=self._place(proof.name), value=proof.validation(self._key))

    def _place(self, name: str) -> str:
        if name not in self._places:
            self._places[name] = self._lookup.challenge_name(name)
        return self._places[name]
