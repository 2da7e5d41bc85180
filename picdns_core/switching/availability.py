"""Whether a name could be had, asked while somebody chooses one."""

from msgspec import Struct

from picdns_core.clock import Clock
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.opening import Opened
from picdns_core.store.registrations import Registrations
from picdns_core.store.staging import Staging
from picdns_core.switching.asked import Asked
from picdns_core.workshop import Workshop


class Availability(Struct, frozen=True, kw_only=True):
    """Whether `domain` is free, for a cell called `name`.

    Where the service did not say, `checked` is false and the name counts as free: only registering
    decides. `message` says it in words.
    """

    name: str
    domain: str
    available: bool
    checked: bool
    message: str


def ask(workshop: Workshop, mode: str, name: str) -> Availability:
    """Ask the service behind a mode; ConfigError for what can be no name, or a mode without any."""
    store = workshop.store()
    asked = Asked.by(workshop.opener, store, mode, {"cell_name": name})
    opened = Opened(workshop.opener.load(mode), Staging(store), asked.config)
    if not opened.provider.mode.grants_names:
        raise ConfigError("mode", f"{mode} gives no names out.", hint="Ask it for another mode.")
    cell, claim = asked.config.cell, Registrations(store).get(mode)
    if claim and not claim.pending and claim.is_for(cell):
        return _said(name, cell.domain, f"This cell holds {cell.domain}.")
    job = workshop.unheard(lambda _: None).open_as(opened, Clock.of_host())
    try:
        with (claimant := job.holding.claimant())["http"]:
            free = opened.provider.name_available(**claimant)
    except PicdnsError as error:
        return _said(name, cell.domain, f"Not checked: {error.message}", checked=False)
    if free is None:
        return _said(name, cell.domain, "Not checked: the mode cannot say.", checked=False)
    said = f"{cell.domain} is {'free' if free else 'taken: choose another name'}."
    return _said(name, cell.domain, said, available=free)


def _said(
    name: str, domain: str, message: str, *, available: bool = True, checked: bool = True
) -> Availability:
    return Availability(
        name=name, domain=domain, available=available, checked=checked, message=message
    )
