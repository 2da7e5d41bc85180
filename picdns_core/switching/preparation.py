"""The new cell beside the old: registered, certified, published, and proven served."""

from picdns_core.errors import AddressDisputed, AddressUnusable, PropagationTimeout
from picdns_core.keeping import AddressKeeping
from picdns_core.model import Step
from picdns_core.registrar import REFUSALS
from picdns_core.secret import Secret
from picdns_core.store.registrations import Registrations
from picdns_core.store.switches import Switches, SwitchIntent
from picdns_core.switching.policy import why_kept
from picdns_core.switching.sides import Sides

_LATER = (AddressDisputed, AddressUnusable, PropagationTimeout)
"""What the heartbeat goes on with, as after `up`."""


class Preparation:
    """Does all that can fail, while the old one is in force and untouched."""

    def __init__(self, sides: Sides, switches: Switches) -> None:
        self._sides = sides
        self._switches = switches
        self._intent = sides.intent
        self.addresses: tuple[str, ...] = ()
        """What was done about the addresses, in words."""

    def run(self, secrets: dict[str, Secret]) -> SwitchIntent:
        """Do it, and keep that it is done: from there on nothing is undone any more."""
        new = self._sides.new
        again = any(new.holding.secrets.get(name) != value for name, value in secrets.items())
        self._stage(secrets)
        self._step("registering")
        self._register(again=again)
        self._step("getting certificates")
        self._await_others()
        self._sides.workshop.certificates(new).obtain(self._route)
        if new.mode.publishes_addresses:
            self._step("publishing addresses")
            self._publish()
        self._step("serving both")
        self._serve_both()
        self._settle_claims()
        return self._switches.write(self._intent, phase="serving", step="putting it into force")

    def _stage(self, secrets: dict[str, Secret]) -> None:
        """Stage what is given; what opens another name in the same mode is out of sight."""
        sides, new = self._sides, self._sides.new
        issued = [field.name for field in new.mode.secrets if field.issued]
        own = new.holding.former_secrets(new.cell.domain, new.mode)
        if own.exist():  # a name that was left, and is come back to
            for name in issued:
                if value := own.get(name):
                    new.holding.secrets.put(name, value)
                else:
                    new.holding.secrets.delete(name)
            own.forget()
        else:
            real = Registrations(sides.real)
            current = real.get(new.mode.name)
            claims = [*real.former(new.mode.name), *([current] if current else [])]
            opened = {
                claim.cell.domain
                for claim in claims
                if not new.holding.former_secrets(claim.cell.domain, new.mode).exist()
            }
            if opened and new.cell.domain not in opened:
                for name in issued:
                    new.holding.secrets.delete(name)
        for name, value in secrets.items():
            if new.holding.secrets.get(name) != value:
                new.holding.secrets.put(name, value)

    def _register(self, *, again: bool) -> None:
        try:
            self._sides.workshop.registrar(self._sides.new).claim(again=again)
        except REFUSALS:
            self._sides.staging.drop("registrations")  # nothing was claimed
            raise

    def _await_others(self) -> None:
        """Let end what began before; nothing begins now, since the journal says why."""
        lineages = (f"lineage-{lineage}" for lineage in sorted(self._sides.shared))
        for lock in ("address", *lineages):
            with self._sides.real.lock(lock, "beginning a switch", wait=60):
                pass

    def _route(self) -> bool:
        """Make sure that Caddy routes challenges, as it does in every mode."""
        with self._sides.real.lock("deploy", "routing challenges", wait=60):
            self._sides.old.deployment.reassure()
        return False

    def _publish(self) -> None:
        try:
            self.addresses = AddressKeeping(self._sides.workshop).publish(self._sides.new)
        except _LATER as error:
            self._sides.workshop.progress(Step(text=str(error), name=self._sides.new.cell.domain))

    def _serve_both(self) -> None:
        """Serve the names of both; where one is the new one's as well, with its certificate."""
        sides, deployment = self._sides, self._sides.new.deployment
        with sides.real.lock("deploy", "serving both modes", wait=60):
            servings = [sides.serving_new(), sides.serving_old()]
            if not deployment.is_live(servings):
                deployment.go_live(servings)
            inside, cells = sides.new.inside, [sides.new.cell, sides.old.cell]
            if inside and not inside.is_live(cells):
                inside.go_live(cells)

    def _settle_claims(self) -> None:
        """Stage what becomes of claims: of the mode that is left, and of the new one's others."""
        old, new, intent = self._sides.old, self._sides.new, self._intent
        staged = new.registrations
        if old.mode.name != new.mode.name:
            claim = staged.get(old.mode.name)
            if claim and not why_kept(
                intent.old, old.mode, intent.new, new.mode, release=intent.release
            ):
                staged.let_go(claim)
        staged.enter(new.mode.name)
        for claim in staged.former(new.mode.name):
            if claim.cell.domain == new.cell.domain:  # only the cell's own name has changed
                staged.forget(claim)
                continue
            apart = new.holding.former_secrets(claim.cell.domain, new.mode)
            if not apart.exist():
                apart.take(old.holding.holder(claim, new.mode)["secrets"])

    def _step(self, step: str) -> None:
        self._intent = self._switches.write(self._intent, step=step)
        text = f"Switching to {self._intent.new.cell.mode}: {step}"
        self._sides.workshop.progress(Step(text=text, name=self._intent.new.cell.domain))
