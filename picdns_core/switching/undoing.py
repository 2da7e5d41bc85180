"""A switch undone: the old cell is served as it was, and the new one's traces are gone."""

import logging

from picdns_core.errors import DeployFailed, PicdnsError
from picdns_core.model import Step
from picdns_core.store.failures import INSIDE
from picdns_core.store.registrations import Registrations
from picdns_core.store.switches import Switches
from picdns_core.switching.policy import is_needed
from picdns_core.switching.sides import Sides

_log = logging.getLogger(__name__)


def undo(sides: Sides) -> None:
    """Undo what was begun; safe to be done again after a kill.

    Nobody is asked for this but Caddy. What the new one had claimed is left to be given back as
    any name that the cell had before. DeployFailed while Caddy may still need what is to go.
    """
    sides.workshop.progress(Step(text="Undoing the switch", name=sides.new.cell.domain))
    _serve_old(sides)
    _let_go(sides)
    sides.new.renewal.tidy({one.lineage for one in sides.old.wants} - sides.intent.before.keys())
    _remove_generations(sides)
    sides.staging.drop()
    Switches(sides.real).close()
    _log.info(
        "undone: %s",
        sides.intent,
        extra={"event": "switch_undone", "domain": sides.old.cell.domain},
    )


def _serve_old(sides: Sides) -> None:
    deployment, old = sides.old.deployment, [sides.serving_old()]
    with sides.real.lock("deploy", "serving the old mode again", wait=60):
        try:
            if deployment.is_live(old):
                deployment.reassure()  # Caddy may have loaded what was never written
            else:
                deployment.go_live(old)
        except DeployFailed:
            if _is_new_in_use(sides):
                raise
        _answer_old(sides)
        for lineage, before in sides.intent.before.items():
            if sides.real.current(lineage) != before.current:
                sides.real.point(lineage, before.current)


def _answer_old(sides: Sides) -> None:
    """Answer only for the old one inside; where that fails, the heartbeat sees to it."""
    inside, cells = sides.old.inside, [sides.old.cell]
    try:
        if inside and not inside.is_live(cells):
            inside.go_live(cells)
    except PicdnsError as error:
        sides.old.failures.note(INSIDE, error)


def _is_new_in_use(sides: Sides) -> bool:
    """Say whether the Caddyfile names something that is to go; Caddy then starts with it."""
    return any(_is_newer(sides, *one) for one in sides.old.deployment.generations_in_use())


def _is_newer(sides: Sides, lineage: str, generation: str) -> bool:
    before = sides.intent.before.get(lineage)
    return before is not None and int(generation) > int(before.newest or 0)


def _let_go(sides: Sides) -> None:
    """Leave what was claimed to be given back, with what opens it; what was held before stays."""
    new, real = sides.new, Registrations(sides.real)
    claim = new.registrations.get(new.mode.name)
    known = [real.get(new.mode.name), *real.former(new.mode.name)]
    if claim is None or any(one and one.is_for(claim.cell) for one in known):
        return
    if is_needed(sides.intent.new, new.mode, sides.intent.old, sides.old.mode):
        return  # the old one lives on the same records
    if claim.cell.domain != sides.old.cell.domain or sides.old.mode.name != new.mode.name:
        apart = sides.old.holding.former_secrets(claim.cell.domain, new.mode)
        apart.take(new.holding.secrets)
        real.let_go(claim)


def _remove_generations(sides: Sides) -> None:
    for lineage in sides.intent.before:
        for generation in sides.old.lineages.generations(lineage):
            if _is_newer(sides, lineage, generation):
                sides.old.lineages.discard(lineage, generation)
