"""What the terminal shows: steps as they happen, a result, or one clear error."""

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from picdns_core.cli.status import lines, problem, remarks, table
from picdns_core.errors import ConfigError, PicdnsError
from picdns_core.events import Ticked
from picdns_core.model import Failure, Report, Step
from picdns_core.status import Status

if TYPE_CHECKING:
    from picdns_core.adoption import Adoption


class _Console(Console):
    """Leaves it to who prints what to do when nobody reads; rich would end the thread."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Output:
    """Results go to standard output, steps and errors to standard error.

    With `as_json` the result, or the error, is one JSON object on standard output; set
    `one_line_each` where there will be several.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.one_line_each = False
        self._out = _Console(highlight=False, emoji=False, soft_wrap=True)
        self._err = _Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    @property
    def is_terminal(self) -> bool:
        """Whether steps are read by somebody who sits there."""
        return self._err.is_terminal

    def step(self, step: Step) -> None:
        """Show what begins now; called from any thread."""
        name = f"{step.name}: " if step.name else ""
        text = f"{name}{step.text}"
        if self._err.is_terminal:
            text = f"[dim]·[/] [bold]{escape(name)}[/]{escape(step.text)}"
        with suppress(OSError):  # whoever read the steps has gone: the work goes on
            self._err.print(text, markup=self._err.is_terminal)

    def result(self, data: Any, text: str | Table | None = None) -> None:
        """Show a result: as JSON, or as the text made for people."""
        if self.as_json:
            encoded = msgspec.json.encode(data)
            if not self.one_line_each:
                encoded = msgspec.json.format(encoded, indent=2)
            click.echo(encoded.decode())
        elif text is not None:
            self._out.print(escape(text) if isinstance(text, str) else text)

    def error(self, error: PicdnsError) -> None:
        """Show what happened and what to do."""
        if self.as_json:
            key = {"key": error.key} if isinstance(error, ConfigError) else {}
            self.result({"error": _error(type(error).__name__, error.message, error.hint) | key})
        self._say(error.message, error.hint)

    def report(self, report: Report) -> None:
        """Show what `up` or `renew` did."""
        lines = [f"New certificate for {', '.join(names)}" for names in report.issued]
        if report.deployed:
            lines.append("The newest certificates are in use")
        lines += report.addresses
        if not lines and not report.failed:
            lines = ["Nothing to do: all certificates are good and in use"]
        self.result(report, "\n".join(lines) or None)
        self.problems(report)

    def problems(self, report: Report) -> None:
        """Show what failed; in JSON it is part of the result."""
        for one in report.failed:
            self._say(one.message, one.hint)

    def adoption(self, adoption: "Adoption") -> None:
        """Show what `adopt` did."""
        lines = [
            f"Adopted for {', '.join(one.names)}, until {one.not_after:%Y-%m-%d}: by {one.issuer}"
            for one in adoption.adopted
        ]
        lines += [f"Left alone, there is one: {', '.join(names)}" for names in adoption.kept]
        if adoption.missing:
            lines.append(f"No certificate yet: {', '.join(adoption.missing)}")
        if adoption.deployed:
            lines.append("The newest certificates are in use")
        lines.append("Next: picdns up")
        self.result(adoption, "\n".join(lines))

    def status(self, status: Status) -> None:
        """Show the whole cell: as a table on a terminal, as plain lines in a pipe."""
        self.result(status, table(status) if self._out.is_terminal else lines(status))
        if self.as_json:
            return
        for remark in remarks(status):
            self._out.print(escape(remark))
        for failure in status.problems:
            self._say(problem(failure), failure.hint)
        said = {failure.message for failure in status.problems}
        for one in status.differences:
            if one.message not in said:
                self._say(one.message, one.hint)

    def tick(self, event: Ticked, news: Sequence[Failure]) -> None:
        """Show what a tick of the heartbeat came to; nothing, when there was nothing to do."""
        if self.as_json:
            click.echo(msgspec.json.encode(_plain(event)).decode())
            return
        for did in event.did:
            self._out.print(escape(f"{event.at:%Y-%m-%d %H:%M} UTC {did}"))
        for one in event.recovered:
            self._out.print(escape(f"{event.at:%Y-%m-%d %H:%M} UTC Well again: {one.subject}"))
        for failure in news:
            self._say(problem(failure), failure.hint)

    def _say(self, message: str, hint: str) -> None:
        self._err.print(f"[red]✗[/] {escape(message)}")
        if hint:
            self._err.print(f"  [yellow]→[/] {escape(hint)}")


def _error(kind: str, message: str, hint: str) -> dict[str, str]:
    return {"type": kind, "message": message, "hint": hint}


def _plain(event: Ticked) -> dict[str, Any]:
    """Return an event as JSON has it, with addresses as text."""
    plain: dict[str, Any] = msgspec.to_builtins(event, enc_hook=str)
    return plain
