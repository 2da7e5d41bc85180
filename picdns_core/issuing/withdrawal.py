"""TXT values out of public DNS again: those in the journal, and no others."""

from picdns_core.errors import PicdnsError
from picdns_core.hookspecs import Publisher
from picdns_core.model import TxtRecord
from picdns_core.store.journal import TxtJournal


def withdraw_all(publisher: Publisher, journal: TxtJournal) -> None:
    """Withdraw every value in the journal.

    One that cannot be withdrawn stops none of the others, stays in the journal for whoever comes
    next, and its error is raised at the end.
    """
    failure: PicdnsError | None = None
    done: list[TxtRecord] = []
    for record in journal.records():
        try:
            publisher.withdraw(record)
        except PicdnsError as error:
            failure = error
        else:
            done.append(record)
    journal.remove(*done)
    if failure:
        raise failure
